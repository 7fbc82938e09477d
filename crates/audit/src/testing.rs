//! What tests of several modules share.

use std::fs;
use std::path::PathBuf;

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// `name`: no other test's.
    pub(crate) fn new(name: &str) -> Self {
        let folder = format!("castcall-audit-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(folder);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
