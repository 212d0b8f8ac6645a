//! Commands: from a checked request to the answer of what the store did.

use headwater::{Aggregate, Context, Decide, Folded, StreamName};
use headwater_dynamodb::{
    Done, ExecuteError, Execution, Expected, Idempotency, IfMatch, Origin, RenderAnswer,
};
use uuid::Uuid;

use crate::idempotency::{digest, hex, of_request, scope};
use crate::{Answer, App, Problem, Request, refusal};

/// What to assume of a stream that this process has not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assume {
    /// Nothing: read it unless it is cached.
    Nothing,
    /// That it is empty, which skips the read. If it is not, the failed write shows it.
    Empty,
}

/// Makes the answer of a successful command.
pub type Success<'a, A> = dyn Fn(&Folded<A>) -> Answer + Send + Sync + 'a;

impl App {
    /// Carries out a command that creates the thing of `stream`: 201 with `Location`, the stream's
    /// name within its tenant. Skips the read by assuming an empty stream.
    ///
    /// # Errors
    /// What the answer should be instead.
    pub async fn create<C: Decide>(
        &self,
        request: &Request,
        stream: &StreamName,
        command: &C,
    ) -> Result<Answer, Problem> {
        let location = format!("/{}", stream.within_tenant());
        let created = |folded: &Folded<_>| {
            Answer::command(201, stream, folded.version).header("location", &location)
        };
        self.execute(request, stream, command, Assume::Empty, &created).await
    }

    /// Carries out a command on the thing of `stream`: 200.
    ///
    /// # Errors
    /// What the answer should be instead.
    pub async fn change<C: Decide>(
        &self,
        request: &Request,
        stream: &StreamName,
        command: &C,
    ) -> Result<Answer, Problem> {
        self.execute(request, stream, command, Assume::Nothing, &|folded| {
            Answer::command(200, stream, folded.version)
        })
        .await
    }

    /// As [`App::change`], for a stream that is most likely empty: skips the read by assuming so.
    ///
    /// # Errors
    /// What the answer should be instead.
    pub async fn put<C: Decide>(
        &self,
        request: &Request,
        stream: &StreamName,
        command: &C,
    ) -> Result<Answer, Problem> {
        self.execute(request, stream, command, Assume::Empty, &|folded| {
            Answer::command(200, stream, folded.version)
        })
        .await
    }

    /// The state of an aggregate that a decision needs besides its own, read strongly; it has
    /// reached the request's tokens then.
    ///
    /// # Errors
    /// 400 if a token is ahead of the stream, 503 if the store is out of reach.
    pub async fn load<A: Aggregate>(
        &self,
        request: &Request,
        stream: &StreamName,
    ) -> Result<Folded<A>, Problem> {
        let folded: Folded<A> = self.store(request)?.load(stream).await?;
        match request
            .positions()?
            .into_iter()
            .find(|position| position.stream == *stream && position.version > folded.version)
        {
            Some(ahead) => Err(refusal::token_ahead(&ahead)),
            None => Ok(folded),
        }
    }

    /// Carries out a command whose answer is its own: made from the state after it, or from the
    /// present one if nothing had to change.
    ///
    /// # Errors
    /// What the answer should be instead.
    pub async fn execute<C: Decide>(
        &self,
        request: &Request,
        stream: &StreamName,
        command: &C,
        assume: Assume,
        success: &Success<'_, C::Aggregate>,
    ) -> Result<Answer, Problem> {
        // What is recorded is what is answered.
        let render = |result: Result<&Folded<C::Aggregate>, &ExecuteError>| {
            result.map_or_else(|error| Problem::of_command(error, stream).answer(), success).into()
        };
        let execution = Execution {
            stream: stream.clone(),
            command,
            context: Context {
                now: request.now,
                id: stream.id().to_owned(),
                fresh_id: Uuid::now_v7(),
                actor: request.caller.subject.clone(),
            },
            origin: request.origin(),
            expected: request.expected(stream)?,
            is_new: assume == Assume::Empty,
            idempotency: request.idempotency(&render)?,
            deadline: request.deadline,
        };
        // On the heap: what lies below is deep, and each handler would hold all of that.
        match Box::pin(self.store(request)?.execute(execution)).await {
            Ok(Done::Committed(folded) | Done::Unchanged(folded)) => Ok(success(&folded)),
            Ok(Done::Replayed(answer)) => Answer::replayed(answer),
            Err(error) => Err(Problem::of_command(&error, stream)),
        }
    }
}

/// What a command is told of its request, for handlers that append by other ways than
/// [`App::execute`].
impl Request {
    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        Origin {
            correlation_id: self.correlation_id.clone(),
            causation_id: self.causation_id.clone(),
            traceparent: self.traceparent().map(str::to_owned),
        }
    }

    /// What the headers say of versions. Only the tokens of the command's own stream matter to its
    /// decision. The token of `If-Match` may not be ahead of its streams either.
    ///
    /// # Errors
    /// 400 if a header cannot be read.
    pub fn expected(&self, stream: &StreamName) -> Result<Expected, Problem> {
        let if_match = self.if_match()?;
        let mut at_least = self.positions()?;
        at_least.retain(|position| position.stream == *stream);
        // Of several alternatives, one that is ahead is just one that does not match.
        if let Some(IfMatch::AnyOf(tokens)) = if_match
            && let [only] = tokens.as_slice()
        {
            at_least.extend(only.streams.iter().cloned());
        }
        Ok(Expected {
            if_match: if_match.cloned(),
            if_none_match: self.if_none_match()?.cloned(),
            at_least,
            decided_on: self.decided_on,
        })
    }

    /// The Idempotency-Key, with what makes the answer to be recorded; `None` without one.
    ///
    /// # Errors
    /// 400 if the key or a condition cannot be read.
    pub fn idempotency<'a, A>(
        &self,
        answer: &'a RenderAnswer<'a, A>,
    ) -> Result<Option<Idempotency<'a, A>>, Problem> {
        let Some(scope) = scope(self)? else { return Ok(None) };
        let (request_hash, body_hash) = (hex(&of_request(self)?), hex(&digest(&[&self.body])));
        Ok(Some(Idempotency { key: hex(&scope), request_hash, body_hash, answer }))
    }
}
