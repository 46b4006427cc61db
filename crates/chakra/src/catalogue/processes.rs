//! Leads, processes, tasks and background jobs: the CRM of a Chakra team.

use portico_domain::Permission;

use super::objects::{JOB, JOB_SAMPLE, PROCESS, PROCESS_SAMPLE, PROCESSES_SAMPLE};
use crate::operation::{
    AnswerRule, BodyKind, Confidence, Kind, Learn, LearnedKind, Link, LinkTo, Method, Operation, Owned, in_body,
    in_path, learn, row,
};
use crate::schema::{Field, ValueType, optional, required};

const LEADS: &str = "Leads";
const PROCESSES: &str = "Processes";
const JOBS: &str = "Background jobs";

const STATUS: Field = optional("status", ValueType::OneOf(&["OPEN", "COMPLETED", "CANCELLED"]), "Where it stands.");
const DATA: Field = optional("data", ValueType::Map(&ValueType::Any), "Attribute short id to value.");
const STATE: Field = optional("state", ValueType::Text, "Short id of a state.");
const NEXT: Field = optional("nextActionAt", ValueType::Int, "Milliseconds since 1970.");

const CHANGE: &[Field] = &[DATA, STATUS, STATE, NEXT];
const CHANGE_SAMPLE: &str = r#"{"data":{"name":"Ada Example"},"status":"OPEN"}"#;

const LIMITED: &str = "Refused to keys that are limited to customers.";
const BY_VALUE: &str = "A value is not an id: nobody could tell whose record it means.";

const ONE: &[Owned] = &[in_path("processId", Kind::Learned(LearnedKind::Process))];
const BY_KEY: &[Owned] = &[in_path("primaryKeyValue", Kind::Learned(LearnedKind::Process))];
const MADE: &[Learn] = &[learn("/_data/id", LearnedKind::Process)];
const STARTED: &[Learn] = &[learn("/_data/id", LearnedKind::Job)];

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new("create_lead", Method::Post, &["/v1/ext/procedure/lead/process"], Permission::LeadsWrite, LEADS, "Create a lead")
        .json(
            &[required("data", ValueType::Map(&ValueType::Any), "name, phone_number, email, and the short ids of custom attributes.")],
            r#"{"data":{"name":"Ada Example","phone_number":"15550001111","email":"ada@example.com"}}"#,
        )
        .closed()
        .data(PROCESS, PROCESS_SAMPLE)
        .learns(MADE)
        .team_wide()
        .notes(&["Needs the lead module in the team."]),
    Operation::new(
        "update_lead_by_phone_number",
        Method::Put,
        &[
            "/v1/ext/procedure/lead/process/phone_number/{phoneNumber}",
            "/v1/ext/procedure/lead/process/phoneNumber/{phoneNumber}",
        ],
        Permission::LeadsWrite,
        LEADS,
        "Update a lead by phone number",
    )
    .owned(&[in_path("phoneNumber", Kind::Learned(LearnedKind::Process))])
    .json(&[required("data", ValueType::Map(&ValueType::Any), "Attributes to change."), STATUS, STATE], r#"{"data":{"name":"Ada Example"}}"#)
    .closed()
    .data(PROCESS, PROCESS_SAMPLE)
    .repeatable()
    .confidence(Confidence::Inferred)
    .team_wide()
    .notes(&[BY_VALUE]),
    Operation::new(
        "fetch_process",
        Method::Get,
        &["/v1/ext/procedure/{procedureShortId}/process/{processId}"],
        Permission::ProcessesRead,
        PROCESSES,
        "Fetch a process",
    )
    .owned(ONE)
    .data(PROCESS, PROCESS_SAMPLE)
    .notes(&[LIMITED]),
    Operation::new(
        "list_processes",
        Method::Post,
        &["/v1/ext/procedure/{procedureShortId}/process/list"],
        Permission::ProcessesRead,
        PROCESSES,
        "List processes",
    )
    .json(
        &[
            optional("where", ValueType::Map(&ValueType::Any), "status, state, createdAt, assignedTo, any attribute short id, or[], and[]; a value or an object of = != > >= < <=."),
            optional("skip", ValueType::Int, "0 when absent."),
            optional("limit", ValueType::Int, "10 when absent, at most 100."),
        ],
        r#"{"where":{"status":"OPEN"},"skip":0,"limit":10}"#,
    )
    .data(ValueType::List(&PROCESS), PROCESSES_SAMPLE)
    .rule(AnswerRule::FilterRows(&[row("/id", Kind::Learned(LearnedKind::Process))]))
    .repeatable()
    .team_wide()
    .notes(&["A read that uses POST."]),
    Operation::new(
        "create_process",
        Method::Post,
        &["/v1/ext/procedure/{procedureShortId}/process"],
        Permission::ProcessesWrite,
        PROCESSES,
        "Create a process",
    )
    .json(
        &[
            DATA,
            optional("record", ValueType::Object(&[optional("data", ValueType::Map(&ValueType::Any), "Attributes of the entity's record.")]), "The entity's record."),
            STATUS,
            STATE,
            NEXT,
            optional("assignedTo", ValueType::Text, "A username."),
        ],
        r#"{"data":{"name":"Ada Example"},"status":"OPEN"}"#,
    )
    .closed()
    .data(PROCESS, PROCESS_SAMPLE)
    .learns(MADE)
    .team_wide(),
    Operation::new(
        "update_process",
        Method::Put,
        &["/v1/ext/procedure/{procedureShortId}/process/{processId}"],
        Permission::ProcessesWrite,
        PROCESSES,
        "Update a process",
    )
    .owned(ONE)
    .json(CHANGE, CHANGE_SAMPLE)
    .closed()
    .data(PROCESS, PROCESS_SAMPLE)
    .repeatable()
    .notes(&["A PUT, but only the given fields change.", LIMITED]),
    Operation::new(
        "update_process_by_primary_key",
        Method::Put,
        &["/v1/ext/procedure/{procedureShortId}/process/{primaryKeyShortId}/{primaryKeyValue}"],
        Permission::ProcessesWrite,
        PROCESSES,
        "Update a process by primary key",
    )
    .owned(BY_KEY)
    .json(CHANGE, CHANGE_SAMPLE)
    .closed()
    .data(PROCESS, PROCESS_SAMPLE)
    .repeatable()
    .team_wide()
    .notes(&[BY_VALUE]),
    Operation::new(
        "delete_process",
        Method::Delete,
        &["/v1/ext/procedure/{procedureShortId}/process/{processId}"],
        Permission::ProcessesWrite,
        PROCESSES,
        "Delete a process",
    )
    .owned(ONE)
    .data(PROCESS, PROCESS_SAMPLE)
    .repeatable()
    .notes(&["Answers the deleted process.", LIMITED]),
    Operation::new(
        "delete_process_by_primary_key",
        Method::Delete,
        &["/v1/ext/procedure/{procedureShortId}/process/{primaryKeyShortId}/{primaryKeyValue}"],
        Permission::ProcessesWrite,
        PROCESSES,
        "Delete a process by primary key",
    )
    .owned(BY_KEY)
    .data(PROCESS, PROCESS_SAMPLE)
    .repeatable()
    .team_wide()
    .notes(&[BY_VALUE]),
    Operation::new(
        "bulk_create_processes",
        Method::Post,
        &["/v1/ext/procedure/{procedureShortId}/process/bulk-create"],
        Permission::ProcessesWrite,
        PROCESSES,
        "Create many processes",
    )
    .json(
        &[DATA, STATE],
        r#"[{"lead_id":"L-0001","data":{"name":"Ada Example"},"state":"NEW"}]"#,
    )
    .body_kind(BodyKind::JsonList)
    .closed_rows()
    .data(JOB, JOB_SAMPLE)
    .learns(STARTED)
    .team_wide()
    .notes(&["The body is a list; each row may also name its primary key.", "Answers a background job."]),
    Operation::new(
        "bulk_update_processes",
        Method::Patch,
        &["/v1/ext/procedure/{procedureShortId}/process"],
        Permission::ProcessesWrite,
        PROCESSES,
        "Update many processes",
    )
    .owned(&[in_body("/processes/*/id", Kind::Learned(LearnedKind::Process))])
    .json(
        &[required(
            "processes",
            ValueType::List(&ValueType::Object(&[
                optional("id", ValueType::Uuid, "The process; or its primary key under that key's short id."),
                required("update", ValueType::Object(&[DATA, STATE, STATUS]), "What to change."),
            ])),
            "The changes.",
        )],
        r#"{"processes":[{"id":"77777777-6666-4555-8444-333333333333","update":{"status":"COMPLETED"}}]}"#,
    )
    .closed_rows()
    .data(JOB, JOB_SAMPLE)
    .learns(STARTED)
    .notes(&["Answers a background job.", LIMITED, "Where another tenant may be in the Chakra team, every row must name its process by `id`."]),
    Operation::new(
        "create_task",
        Method::Post,
        &["/v1/ext/p/{procedureShortId}/{processIdOrPrimaryKey}/task/{stateTaskShortId}"],
        Permission::TasksWrite,
        PROCESSES,
        "Create a task",
    )
    .owned(&[in_path("processIdOrPrimaryKey", Kind::Learned(LearnedKind::Process))])
    .json(&[DATA, STATUS, optional("assignedTo", ValueType::Text, "A username.")], r#"{"data":{},"status":"OPEN"}"#)
    .closed()
    .data(
        ValueType::Object(&[required("id", ValueType::Text, "The task."), optional("status", ValueType::Text, "Where it stands.")]),
        r#"{"id":"77777777-6666-4555-8444-333333333333","status":"OPEN"}"#,
    )
    .notes(&[LIMITED]),
    Operation::new(
        "fetch_background_job",
        Method::Get,
        &["/v1/ext/background-job/{backgroundJobId}"],
        Permission::JobsRead,
        JOBS,
        "Fetch a background job",
    )
    .owned(&[in_path("backgroundJobId", Kind::Learned(LearnedKind::Job))])
    .data(JOB, JOB_SAMPLE)
    .notes(&["`_meta.bjEntryCompletionStatusVsCount` counts its entries by outcome.", LIMITED]),
    Operation::new(
        "fetch_background_job_entries",
        Method::Get,
        &["/v1/ext/background-job/{backgroundJobId}/entries"],
        Permission::JobsRead,
        JOBS,
        "List the entries of a background job",
    )
    .owned(&[in_path("backgroundJobId", Kind::Learned(LearnedKind::Job))])
    .query(&[optional("limit", ValueType::Int, "Rows on a page."), optional("page", ValueType::Int, "Which page, from 1.")])
    .data(ValueType::List(&ValueType::Map(&ValueType::Any)), "[]")
    .links(&[Link { at: "/_meta/next", to: LinkTo::SameCall }])
    .notes(&["`_meta.next` leads to the next page.", LIMITED]),
];
