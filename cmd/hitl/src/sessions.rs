//! Sessions: a signed cookie that names an API key, never the key itself.
//!
//! Whoever signed in has shown the key once. From then on the cookie says which key it was; whether
//! that key still holds is looked up at every request, so revoking it ends its sessions everywhere.

use std::num::NonZeroUsize;

use aob_edge::{is_signed, sign};
use aob_store::{SigningKey, TimeMs};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use lru::LruCache;
use parking_lot::Mutex;

/// How long a session lasts without a request.
const IDLE_MS: TimeMs = 30 * 60 * 1_000;
/// How long it lasts at most.
const LASTS_MS: TimeMs = 8 * 60 * 60 * 1_000;
/// How old the last request in a cookie may be before the cookie is written anew.
const RENEW_MS: TimeMs = 60 * 1_000;
/// How far clocks of replicas may be apart.
const SKEW_MS: TimeMs = 60 * 1_000;
/// Ended sessions remembered by this process.
const ENDED_MAX: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();
/// What sessions are signed as.
const AS_SESSION: &str = "aob.session.1";
/// What forms are signed as.
const AS_FORM: &str = "aob.form.1";

/// A session, as its cookie has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// The API key that was shown.
    pub(crate) key_id: String,
    login_ms: TimeMs,
    seen_ms: TimeMs,
    /// Random: tells sessions of one key apart.
    nonce: [u8; 16],
}

/// A cookie whose signature nobody has looked at yet.
#[derive(Debug)]
pub(crate) struct Claimed {
    session: Session,
    signature: String,
}

/// Reads and writes sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    /// True: cookies travel over TLS only, and no other host of the domain can set them.
    secure: bool,
    ended: Mutex<LruCache<[u8; 16], ()>>,
}

impl Session {
    pub(crate) fn new(key_id: &str, now_ms: TimeMs, nonce: [u8; 16]) -> Self {
        Self { key_id: key_id.to_owned(), login_ms: now_ms, seen_ms: now_ms, nonce }
    }

    fn text(&self) -> String {
        let Self { key_id, login_ms, seen_ms, nonce } = self;
        format!("{key_id}.{login_ms}.{seen_ms}.{}", hex::encode(nonce))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut next = || parts.next();
        let (key_id, login, seen, nonce) = (next()?, next()?, next()?, next()?);
        let nonce = hex::decode_to_array::<_, 16>(nonce).ok()?;
        let plain = !key_id.is_empty() && key_id.bytes().all(|b| b.is_ascii_alphanumeric());
        let session = Self {
            key_id: plain.then(|| key_id.to_owned())?,
            login_ms: login.parse().ok()?,
            seen_ms: seen.parse().ok()?,
            nonce,
        };
        next().is_none().then_some(session)
    }

    fn holds(&self, now_ms: TimeMs) -> bool {
        let within = |since: TimeMs, limit: TimeMs| {
            (-SKEW_MS..limit).contains(&now_ms.saturating_sub(since))
        };
        within(self.seen_ms, IDLE_MS) && within(self.login_ms, LASTS_MS)
    }

    /// What a form carries that only this session could have been shown, for one thing to do.
    pub(crate) fn form_token(&self, key: &SigningKey, to_do: &str) -> String {
        sign(key, AS_FORM, &[&self.nonce, self.key_id.as_bytes(), to_do.as_bytes()])
    }

    /// Whether a form was made for this session and this thing to do.
    pub(crate) fn made(&self, key: &SigningKey, to_do: &str, token: &str) -> bool {
        let fields: [&[u8]; 3] = [&self.nonce, self.key_id.as_bytes(), to_do.as_bytes()];
        is_signed(key, AS_FORM, &fields, token)
    }

    /// The same session, seen now, where its cookie is to be written anew.
    pub(crate) fn renewed(&self, now_ms: TimeMs) -> Option<Self> {
        let old = now_ms.saturating_sub(self.seen_ms) >= RENEW_MS;
        old.then(|| Self { seen_ms: now_ms, ..self.clone() })
    }
}

impl Claimed {
    /// The API key that the cookie names.
    pub(crate) fn key_id(&self) -> &str {
        &self.session.key_id
    }
}

impl Sessions {
    pub(crate) fn new(secure: bool) -> Self {
        Self { secure, ended: Mutex::new(LruCache::new(ENDED_MAX)) }
    }

    fn name(&self) -> &'static str {
        if self.secure { "__Host-aob_session" } else { "aob_session" }
    }

    /// The session that a request claims to belong to, if it has not run out by its own words.
    pub(crate) fn claimed(&self, headers: &HeaderMap, now_ms: TimeMs) -> Option<Claimed> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|p| p.split_once('='));
        let mut named = pairs.filter(|(name, _)| name.trim() == self.name());
        let (_, text) = named.next()?;
        // Of two, one was put there by somebody else.
        if named.next().is_some() {
            return None;
        }
        let (text, signature) = text.trim().rsplit_once('.')?;
        let session = Session::read(text).filter(|session| session.holds(now_ms))?;
        Some(Claimed { session, signature: signature.to_owned() })
    }

    /// The session, if its signature is right and nobody has ended it.
    pub(crate) fn open(&self, claimed: Claimed, key: &SigningKey) -> Option<Session> {
        let Claimed { session, signature } = claimed;
        let signed = is_signed(key, AS_SESSION, &[session.text().as_bytes()], &signature);
        let ended = self.ended.lock().contains(&session.nonce);
        (signed && !ended).then_some(session)
    }

    /// The cookie of a session.
    pub(crate) fn cookie(&self, session: &Session, key: &SigningKey) -> Option<HeaderValue> {
        let text = session.text();
        let signature = sign(key, AS_SESSION, &[text.as_bytes()]);
        self.set(&format!("{text}.{signature}"), LASTS_MS / 1_000)
    }

    /// Ends a session, and gives what makes its browser forget the cookie.
    ///
    /// This process refuses the session from here on. Another replica would take a stolen copy of
    /// the cookie until it has been idle for 30 minutes.
    pub(crate) fn end(&self, session: &Session) -> Option<HeaderValue> {
        self.ended.lock().put(session.nonce, ());
        self.set("", 0)
    }

    fn set(&self, value: &str, max_age_s: i64) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.name();
        let text =
            format!("{name}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: SigningKey = SigningKey([3; 32]);
    const NOW: TimeMs = 1_700_000_000_000;

    fn headers(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().expect("text").split(';').next().expect("a pair").to_owned();
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&pair).expect("text"))])
    }

    fn open(sessions: &Sessions, headers: &HeaderMap, now_ms: TimeMs) -> Option<Session> {
        sessions.open(sessions.claimed(headers, now_ms)?, &KEY)
    }

    #[test]
    fn a_session_lasts_while_it_is_used_and_not_for_ever() {
        let sessions = Sessions::new(true);
        let mut session = Session::new("abc", NOW, [9; 16]);
        let cookie = sessions.cookie(&session, &KEY).expect("a cookie");
        assert!(cookie.to_str().expect("text").starts_with("__Host-aob_session="));
        for part in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
            assert!(cookie.to_str().expect("text").contains(part), "{part}");
        }
        let first = headers(&cookie);
        assert_eq!(open(&sessions, &first, NOW + IDLE_MS - 1).as_ref(), Some(&session));
        assert_eq!(open(&sessions, &first, NOW + IDLE_MS), None);
        assert_eq!(open(&sessions, &first, NOW - SKEW_MS - 1), None, "from the future");
        let mut now = NOW;
        while now < NOW + LASTS_MS - 60_000 {
            now += 29 * 60 * 1_000;
            let sent = headers(&sessions.cookie(&session, &KEY).expect("a cookie"));
            let Some(found) = open(&sessions, &sent, now) else { break };
            session = found.renewed(now).expect("it is old");
        }
        assert!((NOW + LASTS_MS - IDLE_MS..NOW + LASTS_MS + IDLE_MS).contains(&now));
        let sent = headers(&sessions.cookie(&session, &KEY).expect("a cookie"));
        assert_eq!(open(&sessions, &sent, NOW + LASTS_MS), None);
    }

    #[test]
    fn nothing_else_is_a_session() {
        let sessions = Sessions::new(false);
        let session = Session::new("abc", NOW, [9; 16]);
        let cookie = sessions.cookie(&session, &KEY).expect("a cookie");
        let good = headers(&cookie)[COOKIE].to_str().expect("text").to_owned();
        let with = |text: &str| {
            HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(text).expect("text"))])
        };
        assert!(open(&sessions, &with(&format!("x=1; {good}; y=2")), NOW).is_some());
        let bad = [
            String::new(),
            "aob_session=".to_owned(),
            "aob_session=a.b.c.d.e".to_owned(),
            good.replace("abc", "abd"),
            good.replacen(".17", ".18", 1),
            format!("{good}0"),
            good[..good.len() - 1].to_owned(),
            format!("{good}; {good}"),
            format!("__Host-{good}"),
        ];
        for text in bad {
            assert_eq!(open(&sessions, &with(&text), NOW), None, "{text}");
        }
        let claimed = sessions.claimed(&with(&good), NOW).expect("well formed");
        assert_eq!(sessions.open(claimed, &SigningKey([4; 32])), None, "another workspace's");
        sessions.end(&session);
        assert_eq!(open(&sessions, &with(&good), NOW), None, "it was ended");
    }

    #[test]
    fn a_form_is_of_one_session_and_for_one_thing() {
        let session = Session::new("abc", NOW, [9; 16]);
        let token = session.form_token(&KEY, "decide:tk_1");
        assert!(session.made(&KEY, "decide:tk_1", &token));
        assert!(session.renewed(NOW + 120_000).is_some_and(|s| s.made(
            &KEY,
            "decide:tk_1",
            &token
        )));
        assert!(!session.made(&KEY, "decide:tk_2", &token));
        assert!(!Session::new("abc", NOW, [8; 16]).made(&KEY, "decide:tk_1", &token));
        assert!(!session.made(&SigningKey([4; 32]), "decide:tk_1", &token));
        assert!(!session.made(&KEY, "decide:tk_1", ""));
    }
}
