//! Drives a sandbox over HTTP, as Portico and its tests do.

mod access;
mod accounts;
mod calling;
mod chats;
mod connect;
mod control;
mod crm;
mod driver;
mod events;
mod faults;
mod flows;
mod groups;
mod media;
mod messages;
mod partner;
mod plugins;
mod received_media;
mod receiver;
mod state;
mod templates;
