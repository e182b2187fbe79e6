//! Modules of the optimizer.

use super::Subject;
use super::fixtures::{AWAY, HOME, T0};
use crate::{ModuleRow, StoreResult};

fn module(digest: &str) -> ModuleRow {
    ModuleRow {
        digest: digest.to_owned(),
        passes: vec![String::from("tidy"), String::from("fuse")],
        signature: vec![0, 255, 7],
        bytes: 4_194_304,
        enabled: false,
        actor: String::from("key:k1"),
        created_ms: T0,
    }
}

/// All columns come back.
pub async fn a_module_is_read_back(t: &Subject) -> StoreResult<()> {
    let bare = ModuleRow { passes: Vec::new(), enabled: true, ..module("sha256:b") };
    for row in [module("sha256:a"), bare] {
        assert_eq!(t.store.module_put(HOME, &row).await?, row);
        assert_eq!(t.store.module(HOME, &row.digest).await?, Some(row));
    }
    assert_eq!(t.store.module(HOME, "sha256:c").await?, None);
    Ok(())
}

/// What is said of it is replaced; whether plans ask it is not.
pub async fn a_module_that_is_added_again_stays_enabled(t: &Subject) -> StoreResult<()> {
    t.store.module_put(HOME, &module("sha256:a")).await?;
    t.store.module_enable(HOME, "sha256:a", true).await?;
    let again = ModuleRow {
        passes: vec![String::from("other")],
        signature: vec![1],
        actor: String::from("key:k2"),
        created_ms: T0 + 5,
        ..module("sha256:a")
    };
    let stands = ModuleRow { enabled: true, ..again.clone() };
    assert_eq!(t.store.module_put(HOME, &again).await?, stands);
    assert_eq!(t.store.modules(HOME, None, 10).await?, vec![stands]);
    Ok(())
}

/// Enabling is said as often as one likes.
pub async fn a_module_is_enabled_and_disabled(t: &Subject) -> StoreResult<()> {
    t.store.module_put(HOME, &module("sha256:a")).await?;
    for enabled in [true, true, false] {
        let row = ModuleRow { enabled, ..module("sha256:a") };
        assert_eq!(t.store.module_enable(HOME, "sha256:a", enabled).await?, Some(row.clone()));
        assert_eq!(t.store.module(HOME, "sha256:a").await?, Some(row));
    }
    assert_eq!(t.store.module_enable(HOME, "sha256:b", true).await?, None);
    Ok(())
}

/// By digest, a page at a time.
pub async fn modules_are_listed(t: &Subject) -> StoreResult<()> {
    assert_eq!(t.store.modules(HOME, None, 10).await?, Vec::new());
    for digest in ["sha256:b", "sha256:a"] {
        t.store.module_put(HOME, &module(digest)).await?;
    }
    let listed = vec![module("sha256:a"), module("sha256:b")];
    assert_eq!(t.store.modules(HOME, None, 10).await?, listed);
    assert_eq!(t.store.modules(HOME, None, 1).await?, listed[..1]);
    assert_eq!(t.store.modules(HOME, Some("sha256:a"), 10).await?, listed[1..]);
    assert_eq!(t.store.modules(HOME, Some("sha256:b"), 10).await?, Vec::new());
    Ok(())
}

/// One workspace's module is none of another's, though the digest is the same.
pub async fn modules_are_per_workspace(t: &Subject) -> StoreResult<()> {
    t.store.module_put(HOME, &module("sha256:a")).await?;
    assert_eq!(t.store.module(AWAY, "sha256:a").await?, None);
    assert_eq!(t.store.modules(AWAY, None, 10).await?, Vec::new());
    assert_eq!(t.store.module_enable(AWAY, "sha256:a", true).await?, None);
    let theirs = ModuleRow { enabled: true, ..module("sha256:a") };
    t.store.module_put(AWAY, &theirs).await?;
    assert_eq!(t.store.module(HOME, "sha256:a").await?, Some(module("sha256:a")));
    assert_eq!(t.store.modules(AWAY, None, 10).await?, vec![theirs]);
    Ok(())
}
