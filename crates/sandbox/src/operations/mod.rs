//! The operations, each a function that changes the world and answers. One file per group.

mod accounts;
mod calling;
mod campaigns;
mod chats;
mod filter;
mod flows;
mod group_participants;
mod groups;
mod jobs;
mod media;
mod messages;
mod meta;
mod outcome_event;
mod outgoing_message;
mod paging;
mod partner;
mod phone_number;
mod photos;
mod platform;
mod plugins;
mod processes;
mod range;
mod received_media;
mod template_check;
mod template_sends;
mod templates;
mod users;

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
        "get_call_permissions" => calling::get_permissions,
        "calls" => calling::control_call,
        "list_chats" => chats::list,
        "list_chat_messages" => chats::messages,
        "list_messages_for_phone_number" => chats::messages_with,
        "delete_chat" => chats::delete,
        "add_phone_number_to_lead_campaign" => campaigns::add,
        "remove_phone_number_from_lead_campaign" => campaigns::remove,
        "create_lead" => processes::create_lead,
        "update_lead_by_phone_number" => processes::update_lead,
        "fetch_process" => processes::fetch,
        "list_processes" => processes::list,
        "create_process" => processes::create,
        "update_process" => processes::update,
        "update_process_by_primary_key" => processes::update_by_key,
        "delete_process" => processes::delete,
        "delete_process_by_primary_key" => processes::delete_by_key,
        "bulk_create_processes" => processes::bulk_create,
        "bulk_update_processes" => processes::bulk_update,
        "create_task" => processes::create_task,
        "fetch_background_job" => jobs::fetch,
        "fetch_background_job_entries" => jobs::entries,
        "list_users" => users::list,
        "list_users_v2" => users::list_v2,
        "fetch_user" => users::fetch,
        "fetch_user_v2" => users::fetch_v2,
        "update_user" => users::update,
        "fetch_photo" => photos::fetch,
        "upload_photo" => photos::upload,
        "upload_photo_with_id" => photos::upload_with_id,
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
        "get_group_join_requests" => group_participants::list_requests,
        "approve_group_join_request" => group_participants::approve,
        "reject_group_join_request" => group_participants::reject,
        "remove_group_participants" => group_participants::remove,
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
