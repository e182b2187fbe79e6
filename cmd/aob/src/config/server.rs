//! The address of a server.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

/// A server's base URL: http or https, no credentials, ending in `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Server(Url);

impl Server {
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "such as https://aob.example.com or http://127.0.0.1:7700";
        let mut url =
            Url::parse(text).map_err(|error| format!("{error}; write a URL {example}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(format!("write an http or https URL {example}"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("write no user or password into the URL; use --token".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("write no query and no fragment into the URL".to_owned());
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for Server {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Server> for String {
    fn from(server: Server) -> Self {
        server.to_string()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_origin_with_a_path_at_most() {
        let good = [
            ("http://127.0.0.1:7700", "http://127.0.0.1:7700/"),
            ("https://example.com/aob", "https://example.com/aob/"),
        ];
        for (text, url) in good {
            let server: Server = text.parse().unwrap();
            assert_eq!(server.url().as_str(), url);
            assert_eq!(server.to_string(), text);
        }
        for text in ["localhost:7700", "ftp://x/", "http://", "http://u:p@h/", "http://h/?a", "/x"]
        {
            assert!(text.parse::<Server>().is_err(), "{text}");
        }
    }
}
