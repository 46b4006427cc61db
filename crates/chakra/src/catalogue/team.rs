//! Users and photos of a Chakra team.

use portico_domain::Permission;

use super::objects::{PHOTO, PHOTO_SAMPLE, USER, USER_SAMPLE, USERS_SAMPLE};
use crate::operation::{Confidence, Kind, Learn, LearnedKind, Method, Operation, in_path, learn};
use crate::schema::{Field, ValueType, optional, required};

const USERS: &str = "Users";
const PHOTOS: &str = "Photos";

const PARTS: &[Field] = &[
    required("photo", ValueType::File, "The picture."),
    optional("filename", ValueType::Text, "Its name."),
    optional("filetype", ValueType::Text, "Its media type."),
];
const STORED: &[Learn] = &[learn("/_data/id", LearnedKind::Photo)];

const LIMITED: &str = "Refused to keys that are limited to customers.";

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new("list_users", Method::Get, &["/v1/ext/users"], Permission::UsersRead, USERS, "List users")
        .data(ValueType::List(&USER), USERS_SAMPLE)
        .team_wide(),
    Operation::new(
        "list_users_v2",
        Method::Get,
        &["/v2/ext/users"],
        Permission::UsersRead,
        USERS,
        "List users, in readable form",
    )
    .data(ValueType::List(&USER), USERS_SAMPLE)
    .team_wide(),
    Operation::new("fetch_user", Method::Get, &["/v1/ext/user/{userId}"], Permission::UsersRead, USERS, "Fetch a user")
        .data(USER, USER_SAMPLE)
        .team_wide(),
    Operation::new(
        "fetch_user_v2",
        Method::Get,
        &["/v2/ext/user/{userId}"],
        Permission::UsersRead,
        USERS,
        "Fetch a user, in readable form",
    )
    .data(USER, USER_SAMPLE)
    .confidence(Confidence::Inferred)
    .team_wide(),
    Operation::new(
        "update_user",
        Method::Put,
        &["/v1/ext/user/{userId}"],
        Permission::UsersWrite,
        USERS,
        "Update a user",
    )
    .json(
        &[optional("firstName", ValueType::Text, "First name."), optional("lastName", ValueType::Text, "Last name.")],
        r#"{"firstName":"Ada","lastName":"Example"}"#,
    )
    .data(USER, USER_SAMPLE)
    .repeatable()
    .team_wide()
    .notes(&["Other fields of the user may be given too."]),
    Operation::new(
        "fetch_photo",
        Method::Get,
        &["/v1/ext/photo/{photoId}"],
        Permission::PhotosRead,
        PHOTOS,
        "Fetch a photo",
    )
    .owned(&[in_path("photoId", Kind::Learned(LearnedKind::Photo))])
    .binary()
    .confidence(Confidence::Inferred)
    .notes(&["What Chakra answers is not known: bytes, a redirect (which is handed on) or JSON.", LIMITED]),
    Operation::new("upload_photo", Method::Post, &["/v1/ext/photo"], Permission::PhotosWrite, PHOTOS, "Upload a photo")
        .multipart(PARTS)
        .data(PHOTO, PHOTO_SAMPLE)
        .learns(STORED)
        .team_wide(),
    Operation::new(
        "upload_photo_with_id",
        Method::Post,
        &["/v1/ext/photo/{photoId}"],
        Permission::PhotosWrite,
        PHOTOS,
        "Upload a photo under your own id",
    )
    .owned(&[in_path("photoId", Kind::Learned(LearnedKind::Photo))])
    .multipart(PARTS)
    .data(PHOTO, PHOTO_SAMPLE)
    .repeatable()
    // An id that the caller chooses may be another's in another team: it teaches nothing.
    .notes(&["`photoId` is a UUID that you choose.", LIMITED]),
];
