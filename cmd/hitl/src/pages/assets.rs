//! The style sheet and the icon: the only things besides pages.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use sha2::{Digest as _, Sha256};

/// The style sheet.
pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("style", "css", "text/css; charset=utf-8", include_str!("../../assets/style.css"))
});
/// The icon.
pub(crate) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("icon", "svg", "image/svg+xml", include_str!("../../assets/icon.svg"))
});
/// Their names change with what they hold, so a browser may keep them for good.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A file that is served as it is.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Where it is.
    pub(crate) path: String,
    media: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, media: &'static str, text: &'static str) -> Self {
        let digest = hex::encode(Sha256::digest(text));
        let path = format!("/assets/{name}-{}.{extension}", &digest[..12]);
        Self { path, media, text }
    }
}

/// Shows one of them.
pub(crate) async fn show(Path(file): Path<String>) -> Response {
    let named = |asset: &&Asset| asset.path.strip_prefix("/assets/") == Some(&*file);
    let Some(asset) = [&*STYLE, &*ICON].into_iter().find(named) else {
        return super::nothing_here().await;
    };
    let headers = [(CONTENT_TYPE, HeaderValue::from_static(asset.media)), (CACHE_CONTROL, KEPT)];
    (headers, asset.text).into_response()
}
