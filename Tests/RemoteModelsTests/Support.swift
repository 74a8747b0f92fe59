import JSON
import RemoteModels
import ScriptedServer
import Synchronization

/// Settings for a scripted server, with the patience of a test.
func settings(
    _ server: ScriptedServer, _ wire: RemoteProtocol = .anthropicMessages, baseURL: String? = nil,
    _ change: (inout RemoteModelSettings) -> Void = { _ in }
) throws -> RemoteModelSettings {
    var settings = try RemoteModelSettings(
        wire, model: "parrot", baseURL: baseURL ?? server.address,
        environment: ["ANTHROPIC_API_KEY": "secret-a", "OPENAI_API_KEY": "secret-o"])
    settings.retries.firstDelay = .milliseconds(2)
    settings.requestTimeout = .seconds(600)
    settings.retries.jitter = { 0 }
    change(&settings)
    return settings
}

/// Asks one question of a server that follows a script, and returns the answer with the server.
func ask(
    _ wire: RemoteProtocol = .anthropicMessages, change: (inout RemoteModelSettings) -> Void = { _ in },
    script: @escaping @Sendable (ScriptedServer.Request) async -> ScriptedServer.Reply
) async throws -> (completion: Result<Completion, RemoteModelError>, requests: [ScriptedServer.Request]) {
    try await ScriptedServer.run(script) { server in
        let settings = try settings(server, wire, change)
        let completion = try await RemoteModel.connect(settings) { model in
            do {
                return Result<Completion, RemoteModelError>.success(
                    try await model.complete(system: "Be brief.", user: "Hello?", maxTokens: 9))
            } catch let error as RemoteModelError { return .failure(error) }
        }
        return (completion, server.requests)
    }
}

extension Result where Failure == RemoteModelError {
    /// The error, if there is one.
    var error: RemoteModelError? {
        if case .failure(let error) = self { error } else { nil }
    }
}
