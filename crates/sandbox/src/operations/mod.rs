//! The operations, each a function that changes the world and answers. One file per group.

mod accounts;
mod calling;
mod flows;
mod group_people;
mod groups;
mod media;
mod messages;
mod meta;
mod outcome;
mod paging;
mod partner;
mod platform;
mod plugins;
mod range;
mod received_media;
mod session;
mod template_check;
mod template_sends;
mod templates;

use crate::call::Handler;

/// The handler of the operation with that id in the catalogue.
pub(crate) fn handler(id: &str) -> Option<Handler> {
    Some(match id {
        "send_template_message_for_process" => template_sends::for_process,
        "send_template_message_to_phone_number" => template_sends::to_phone_number,
        "mark_message_read" => messages::mark_read,
        "send_template_message_meta_format" => messages::send_template,
        "whatsapp_messages" => messages::send,
        "upload_public_media" => media::upload,
        "create_connect_token" => partner::create_connect_token,
        "update_plugin_configuration" => partner::update_configuration,
        "fetch_plugin_configuration" => partner::fetch_configuration,
        "disconnect_waba_account" => partner::disconnect,
        "create_plugin" => plugins::create,
        "get_plugin" => plugins::get,
        "update_plugin" => plugins::update,
        "delete_plugin" => plugins::delete,
        "list_whatsapp_phone_numbers" => accounts::list_numbers,
        "get_whatsapp_phone_number" => accounts::get_number,
        "list_whatsapp_business_accounts" => accounts::list_wabas,
        "get_calling_settings" => calling::get_settings,
        "update_calling_settings" => calling::update_settings,
        "get_call_permissions" => calling::permissions,
        "calls" => calling::steer,
        "create_message_template" => templates::create,
        "list_message_templates" => templates::list,
        "update_message_template" => templates::update,
        "delete_message_template" => templates::delete,
        "show_media" => received_media::show,
        "fetch_media" => received_media::fetch,
        "show_media_attachments" => received_media::show_attachment,
        "set_business_public_key" => flows::set_key,
        "get_business_public_key" => flows::get_key,
        "create_group" => groups::create,
        "list_groups" => groups::list,
        "get_group_info" => groups::get,
        "update_group_settings" => groups::update,
        "delete_group" => groups::delete,
        "get_group_invite_link" => groups::get_link,
        "reset_group_invite_link" => groups::reset_link,
        "get_group_join_requests" => group_people::requests,
        "approve_group_join_request" => group_people::approve,
        "reject_group_join_request" => group_people::reject,
        "remove_group_participants" => group_people::remove,
        "fetch_config" => platform::fetch_config,
        "health" => platform::health,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_the_catalogue_has_a_handler() {
        let missing: Vec<_> = portico_chakra::operations()
            .into_iter()
            .map(|operation| operation.id)
            .filter(|id| handler(id).is_none())
            .collect();
        assert!(missing.is_empty(), "write a handler and name it in operations::handler for: {missing:?}");
    }
}
