//! What the HTTP versions share: targets and names, head lines, and putting a message together from its pieces.

pub mod assembly;
pub mod exchange;
pub mod head;
pub mod names;
pub mod route;
