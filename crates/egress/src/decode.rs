//! Bodies are capped by what they become, not by what they claim or weigh.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::error::{Cap, EgressError};

/// Decoded bytes per byte received.
const MAX_RATIO: u64 = 100;

/// So much may come out of a few bytes, or short texts would be refused.
const RATIO_FREE_BYTES: u64 = 64 * 1024;

/// Decodes a body as it arrives, within its caps.
#[derive(Debug)]
pub(crate) enum Decoder {
    Plain { received_bytes: u64, max_bytes: u64 },
    Gzip { received_bytes: u64, inner: Box<MultiGzDecoder<Sink>> },
}

impl Decoder {
    /// Chooses by the headers of the response. Codings that were not asked for are refused: nobody
    /// behind us could read them.
    pub(crate) fn for_response(headers: &HeaderMap, max_bytes: u64) -> Result<Self, EgressError> {
        let mut codings = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let text = value.to_str().map_err(EgressError::bad_response)?;
            codings.extend(text.split(',').map(|coding| coding.trim().to_ascii_lowercase()));
        }
        codings.retain(|coding| !coding.is_empty() && coding != "identity");
        match &codings[..] {
            [] => Ok(Self::Plain { received_bytes: 0, max_bytes }),
            [coding] if coding == "gzip" || coding == "x-gzip" => {
                let sink =
                    Sink { out: Vec::new(), total_bytes: 0, max_bytes, ratio_bytes: 0, hit: None };
                let inner = Box::new(MultiGzDecoder::new(sink));
                Ok(Self::Gzip { received_bytes: 0, inner })
            }
            _ => Err(EgressError::bad_response(format!(
                "its content encoding is not supported: {}",
                codings.join(", ")
            ))),
        }
    }

    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::Plain { .. } => true,
            Self::Gzip { .. } => false,
        }
    }

    /// What a part of the body becomes; possibly nothing yet.
    pub(crate) fn push(&mut self, part: Bytes) -> Result<Bytes, EgressError> {
        match self {
            Self::Plain { received_bytes, max_bytes } => {
                *received_bytes += part.len() as u64;
                if received_bytes > max_bytes {
                    return Err(EgressError::TooLarge { cap: Cap::Body, limit: *max_bytes });
                }
                Ok(part)
            }
            Self::Gzip { received_bytes, inner } => {
                *received_bytes += part.len() as u64;
                inner.get_mut().ratio_bytes =
                    received_bytes.saturating_mul(MAX_RATIO).max(RATIO_FREE_BYTES);
                let written = inner.write_all(&part).and_then(|()| inner.flush());
                inner.get_mut().take(written)
            }
        }
    }

    /// What is left when the body has ended.
    pub(crate) fn finish(&mut self) -> Result<Bytes, EgressError> {
        match self {
            Self::Gzip { received_bytes: 1.., inner } => {
                let finished = inner.try_finish();
                inner.get_mut().take(finished)
            }
            Self::Plain { .. } | Self::Gzip { .. } => Ok(Bytes::new()),
        }
    }
}

/// Takes decoded bytes until a cap is hit, so that a bomb stops where it goes off.
#[derive(Debug)]
pub(crate) struct Sink {
    out: Vec<u8>,
    total_bytes: u64,
    max_bytes: u64,
    /// What the ratio allows for the bytes received so far.
    ratio_bytes: u64,
    hit: Option<Cap>,
}

impl Sink {
    fn take(&mut self, written: io::Result<()>) -> Result<Bytes, EgressError> {
        match (written, self.hit) {
            (Ok(()), _) => Ok(Bytes::from(std::mem::take(&mut self.out))),
            (Err(_), Some(cap @ Cap::Ratio)) => {
                Err(EgressError::TooLarge { cap, limit: MAX_RATIO })
            }
            (Err(_), Some(cap)) => Err(EgressError::TooLarge { cap, limit: self.max_bytes }),
            (Err(error), None) => Err(EgressError::bad_response(error)),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let total_bytes = self.total_bytes + bytes.len() as u64;
        if total_bytes > self.max_bytes {
            self.hit = Some(Cap::Body);
        } else if total_bytes > self.ratio_bytes {
            self.hit = Some(Cap::Ratio);
        }
        if self.hit.is_some() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.total_bytes = total_bytes;
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderValue;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decoder(coding: &'static str, max_bytes: u64) -> Result<Decoder, EgressError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        Decoder::for_response(&headers, max_bytes)
    }

    fn decode(mut decoder: Decoder, bytes: &[u8], step: usize) -> Result<Vec<u8>, EgressError> {
        let mut out = Vec::new();
        for part in bytes.chunks(step) {
            out.extend(decoder.push(Bytes::copy_from_slice(part))?);
        }
        out.extend(decoder.finish()?);
        Ok(out)
    }

    /// Bytes that gzip can't shrink.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let next = |state: &mut u32| {
            *state ^= *state << 13;
            *state ^= *state >> 17;
            *state ^= *state << 5;
            state.to_be_bytes()[0]
        };
        (0..len).map(|_| next(&mut state)).collect()
    }

    #[test]
    fn gzip_comes_out_whatever_the_parts() {
        let text = [noise(5_000), vec![b'x'; 20_000], noise(70_000)].concat();
        for step in [1, 7, 1_000, 1_000_000] {
            let decoded = decode(decoder("gzip", 1 << 20).unwrap(), &gzip(&text), step).unwrap();
            assert!(decoded == text, "parts of {step}");
        }
        let two_members = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(decode(decoder("X-Gzip", 100).unwrap(), &two_members, 3).unwrap(), b"one two");
        assert_eq!(decode(decoder("identity, gzip", 100).unwrap(), &gzip(b""), 3).unwrap(), b"");
        assert_eq!(decode(decoder("gzip", 100).unwrap(), b"", 3).unwrap(), b"");
    }

    #[test]
    fn the_cap_is_exact() {
        let text = noise(10_000);
        for (coding, sent) in [("gzip", gzip(&text)), ("identity", text.clone())] {
            assert_eq!(decode(decoder(coding, 10_000).unwrap(), &sent, 512).unwrap(), text);
            let over = decode(decoder(coding, 9_999).unwrap(), &sent, 512);
            assert!(
                matches!(over, Err(EgressError::TooLarge { cap: Cap::Body, limit: 9_999 })),
                "{coding}"
            );
        }
    }

    #[test]
    fn bombs_stop_at_the_ratio() {
        let bomb = gzip(&vec![0; 50 << 20]);
        assert!(bomb.len() < 100_000);
        let mut decoder = decoder("gzip", u64::MAX).unwrap();
        let mut out_bytes = 0;
        let failed = bomb.chunks(1_000).find_map(|part| {
            decoder.push(Bytes::copy_from_slice(part)).map(|out| out_bytes += out.len()).err()
        });
        assert!(matches!(failed, Some(EgressError::TooLarge { cap: Cap::Ratio, limit: 100 })));
        assert!(out_bytes <= 100_000, "{out_bytes}");
    }

    #[test]
    fn short_texts_may_shrink_a_lot() {
        let text = vec![b' '; 60_000];
        assert_eq!(decode(decoder("gzip", 1 << 20).unwrap(), &gzip(&text), 10).unwrap(), text);
    }

    #[test]
    fn broken_and_unknown_codings_are_refused() {
        let whole = gzip(b"some text that is cut off");
        for broken in [&whole[..whole.len() - 9], &whole[1..], b"plain text", &whole[..5]] {
            let decoded = decode(decoder("gzip", 1_000).unwrap(), broken, 4);
            assert!(matches!(decoded, Err(EgressError::BadResponse { .. })), "{broken:?}");
        }
        for coding in ["br", "zstd", "deflate", "gzip, gzip", "gzip;q=1"] {
            let refused = decoder(coding, 1_000);
            assert!(matches!(refused, Err(EgressError::BadResponse { .. })), "{coding}");
        }
    }
}
