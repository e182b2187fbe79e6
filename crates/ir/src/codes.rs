//! Codes of problems: an enum, the names on the wire and the explanations, from one table.

/// Declares an enum of codes from one table: explanation, variant, wire name. Gives it `ALL` (in the
/// order of the table), `as_str`, `explanation` and `Display` (the wire name).
#[macro_export]
macro_rules! codes {
    (
        $(#[$meta:meta])*
        pub enum $codes:ident {
            $($(#[doc = $doc:literal])+ $variant:ident => $name:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $codes {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl $codes {
            /// Every code, in alphabetical order of the names.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it means, for people.
            pub fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc, "\n"),+).trim_ascii(),)+ }
            }
        }

        impl ::core::fmt::Display for $codes {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
