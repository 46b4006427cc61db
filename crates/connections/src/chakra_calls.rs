//! Calls to Chakra that Portico makes for itself, on behalf of a caller and with the tenant's key.

use std::sync::Arc;

use portico_auth::TenantScope;
use portico_chakra::{CallError, Client, operation};
use serde_json::Value;

use crate::Error;
use crate::chakra_keys::{ChakraCredentials, ChakraKeyVerifier, OpenChakraKey, RefusedKeys};

/// Calls Chakra. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ChakraCalls {
    client: Client,
    credentials: ChakraCredentials,
    verifier: ChakraKeyVerifier,
    refused: RefusedKeys,
}

/// What a call names beside its body.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Named<'a> {
    /// Parameters of the path.
    pub(crate) path: &'a [(&'a str, &'a str)],
    /// Parameters of the query.
    pub(crate) query: &'a [(&'a str, &'a str)],
}

impl ChakraCalls {
    pub(crate) fn new(
        client: &Client,
        credentials: &ChakraCredentials,
        verifier: &ChakraKeyVerifier,
        refused: &RefusedKeys,
    ) -> Self {
        Self {
            client: client.clone(),
            credentials: credentials.clone(),
            verifier: verifier.clone(),
            refused: refused.clone(),
        }
    }

    /// The key to call with.
    pub(crate) async fn key(&self, scope: &TenantScope) -> Result<Arc<OpenChakraKey>, Error> {
        self.verifier.default_key(scope).await
    }

    /// Calls the catalogue's operation of that id; gives the answer's `_data`.
    pub(crate) async fn call(
        &self,
        scope: &TenantScope,
        key: &OpenChakraKey,
        id: &str,
        named: Named<'_>,
        body: Option<&Value>,
    ) -> Result<Value, CallError> {
        let token = self.credentials.token(scope, key);
        let answer = self.client.call(operation(id), named.path, named.query, body, token).await;
        if answer.is_ok() {
            self.refused.note_accepted(scope, key);
        }
        answer
    }

    /// What a failed call means for the caller; a refused key is marked.
    pub(crate) fn failed(&self, scope: &TenantScope, key: &OpenChakraKey, error: CallError) -> Error {
        if matches!(error, CallError::KeyRefused) {
            self.refused.note(scope, key);
        }
        error.into()
    }
}
