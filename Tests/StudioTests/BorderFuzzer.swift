import Foundation
import JSON
import Tensors
import TestSupport

/// A request to the studio, however it is carried.
struct HostileRequest: Sendable {
    var method = "GET"
    var target: String
    var headers: [(String, String)] = []
    var body: [UInt8]?

    /// For messages.
    var summary: String {
        let text = String(decoding: (body ?? []).prefix(1500), as: UTF8.self)
        return "\(method) \(target.prefix(300)) \(headers.map { "\($0.0): \($0.1.prefix(60))" }) \(text)"
    }
}

/// What is there to be asked about.
struct KnownThings: Sendable {
    private(set) var readings: [String] = []
    private(set) var notes: [String] = []
    private(set) var explanations: [String] = []

    mutating func add(readings ids: [String]) { readings = (readings + ids).suffix(24) }
    mutating func add(note id: String) { notes = (notes + [id]).suffix(12) }
    mutating func add(explanation id: String) { explanations = (explanations + [id]).suffix(12) }
}

/// Makes up requests to every endpoint, and files of every form to import: valid ones, and, mostly, such as have been changed in
/// their structure, in their bytes, or in what stands around them. The same seed, number and known things give the same request.
struct BorderFuzzer {
    private var random: Random
    private let known: KnownThings

    init(seed: UInt64, number: Int, _ known: KnownThings) {
        random = Random(seed: seed, UInt64(number))
        self.known = known
    }

    mutating func request() -> HostileRequest {
        var request: HostileRequest
        switch random.uniform() {
        case ..<0.36: request = imported()
        case ..<0.62: request = studio()
        case ..<0.72: request = contract()
        case ..<0.92: request = HostileRequest(target: address())
        case ..<0.96:
            request = change("PATCH", "/studio/notes/\(note())", ["text": words(), "highlighted": .bool(chance(0.5))])
        case ..<0.98: request = change("PATCH", "/studio/readings/\(reading())", ["title": words()])
        case ..<0.99: request = HostileRequest(method: "DELETE", target: "/studio/notes/\(note())")
        default: request = HostileRequest(method: "DELETE", target: "/studio/readings/\(reading())")
        }
        spoil(&request)
        return request
    }

    // MARK: Around a request

    private mutating func spoil(_ request: inout HostileRequest) {
        if chance(0.02) {
            request.method =
                ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "FOO", "get"]
                .randomElement(using: &random) ?? ""
        }
        if chance(0.03) {
            // Of a target HTTP carries visible ASCII alone.
            let bytes = Hostile.changed(Array(request.target.utf8), &random).filter { (0x21...0x7E).contains($0) }
            request.target = "/" + String(decoding: bytes, as: UTF8.self).drop { $0 == "/" }
        }
        if chance(0.05) { request.headers.append(header()) }
    }

    private mutating func header() -> (String, String) {
        let name =
            [
                "content-type", "content-length", "host", "origin", "accept", "authorization", "x-secret-key",
                "if-none-match", "range",
                "transfer-encoding", "expect", "cookie", "accept-encoding",
            ].randomElement(using: &random) ?? "host"
        let value =
            [
                "", "application/json", "application/json; charset=utf-16", "text/html", "text/plain", "a", "-1", "0",
                "5", "99999999999999999999",
                "localhost", "evil.example", "localhost:99999999", "[::1]", "[", "http://localhost", "null", "*",
                "Bearer x", "Bearer ", "\"x\"",
                "bytes=0-9999999999", "chunked", "100-continue", String(repeating: "a", count: 5000),
            ].randomElement(using: &random) ?? ""
        return (name, value)
    }

    /// A body: valid, or changed in its structure, or in its bytes.
    private mutating func body(_ json: JSONValue) -> [UInt8] {
        var json = json
        if chance(0.75) { json = Hostile.changed(json, times: chance(0.7) ? 1 : 2 + below(3), &random) }
        let bytes = Hostile.text(json, indent: chance(0.05) ? 2 : nil)
        return chance(0.12) ? Hostile.changed(bytes, &random) : bytes
    }

    private mutating func change(_ method: String, _ target: String, _ json: JSONValue) -> HostileRequest {
        HostileRequest(
            method: method, target: target, headers: [("content-type", "application/json")], body: body(json))
    }

    private mutating func post(_ target: String, _ json: JSONValue) -> HostileRequest { change("POST", target, json) }

    // MARK: What is asked

    /// A request of the published contract, or of the interfaces of others.
    private mutating func contract() -> HostileRequest {
        switch below(8) {
        case 0:
            return post(
                "/generate",
                [
                    "text": words(), "return_logprob": .bool(chance(0.5)), "stream": .bool(chance(0.3)),
                    "sampling_params": [
                        "max_new_tokens": .integer(1 + below(3)), "temperature": 1, "top_p": 0.9, "top_k": -1,
                        "stop": ["."], "n": 1,
                        "stop_token_ids": [3], "sampling_seed": 3,
                    ],
                ])
        case 1:
            return post(
                "/generate", ["input_ids": [.integer(below(300)), 5], "sampling_params": ["max_new_tokens": 1]])
        case 2:
            return post(
                "/v1/chat/completions",
                [
                    "model": "tiny", "messages": messages(), "max_tokens": .integer(1 + below(3)), "temperature": 0,
                    "n": .integer(1 + below(2)),
                    "stream": .bool(chance(0.3)), "stream_options": ["include_usage": true], "logprobs": true,
                    "seed": 4, "stop": "x", "top_p": 1,
                    "tools": [], "response_format": ["type": "text"],
                    "chat_template_kwargs": ["enable_thinking": false],
                ])
        default:
            let path = Contract.requests.keys.sorted().randomElement(using: &random) ?? "/tokenize"
            var json = (Contract.requests[path] ?? .null).sample(&random)
            if var object = json.object {
                for key in ["max_new_tokens", "completion_tokens"] { object[key] = .integer(1 + below(3)) }
                json = .object(object)
            }
            return post(path, json)
        }
    }

    private mutating func studio() -> HostileRequest {
        let reading = "/studio/readings/\(reading())"
        switch below(12) {
        case 0, 1: return post("/studio/readings", begun())
        case 2:
            return post(
                reading + "/explain",
                [
                    "positions": [.integer(below(4))], "samples": .integer(1 + below(2)), "temperature": 0.5,
                    "max_new_tokens": .integer(1 + below(3)),
                    "seed": "7", "pair": "tiny",
                ])
        case 3: return post(reading + "/norms", [:])
        case 4:
            return post(
                reading + "/compare",
                [
                    "position": .integer(below(3)), "other_position": -1, "other_reading": .string(self.reading()),
                    "max_new_tokens": 1,
                ])
        case 5: return post(reading + "/layers", ["positions": [.integer(below(3))]])
        case 6, 7:
            return post(
                reading + "/edit",
                [
                    "position": .integer(below(3)), "text": words(), "explanation": .string(explanation()),
                    "keep": .bool(chance(0.3)),
                ])
        case 8:
            return post(
                reading + "/steer",
                [
                    "position": .integer(below(3)), "text": words(), "original": words(), "strength": 1,
                    "max_new_tokens": 1, "temperature": 0,
                ])
        default:
            return post(
                reading + "/notes",
                ["position": chance(0.3) ? .null : .integer(below(3)), "text": words(), "highlighted": true])
        }
    }

    private mutating func begun() -> JSONValue {
        switch below(4) {
        case 0: ["messages": messages()]
        case 1: ["text": words(), "world": ["kind": "story", "seed": .integer(below(3)), "index": .integer(below(3))]]
        default: ["text": words(), "pair": chance(0.3) ? "tiny" : .null]
        }
    }

    private mutating func messages() -> JSONValue {
        [["role": "user", "content": words()], ["role": "assistant", "content": "Yes.", "channel": .null]]
    }

    private mutating func address() -> String {
        let reading = "/studio/readings/\(reading())"
        switch below(12) {
        case 0, 1, 2: return reading
        case 3: return reading + "/export.html"
        case 4: return "/studio/export?format=jsonl&readings=\(self.reading()),\(self.reading())"
        case 5: return "/studio/world?kind=story&seed=\(number())&count=\(number())"
        case 6:
            return [
                "/", "/health", "/get_model_info", "/v1/models", "/studio/models", "/studio/runs", "/studio/reports",
                "/page/main.js",
                "/page/..%2f..%2fetc%2fpasswd", "/page/%00", "/studio/", "//", "/studio/readings/", "/studio/runs/%ff",
                "/studio/reports/report",
            ].randomElement(using: &random) ?? "/"
        case 7: return "/studio/runs/\(run())?after=\(number())"
        case 8: return "/studio/runs/\(run())/\(chance(0.8) ? "report.html" : "events?after=\(number())")"
        case 9: return "/studio/library/readings?before=\(number())&limit=\(number())"
        default:
            let all = [
                "words=\(escaped())", "words=w", "words=%22(*", "minimum_score=\(number())",
                "maximum_score=\(number())", "before=\(number())",
                "limit=\(number())", "origin=model", "origin=\(escaped())", "highlighted=true",
                "highlighted=\(escaped())", "pair=tiny", "&&==&",
                "%", "%zz=%zz",
            ]
            return "/studio/library?"
                + (0..<below(4)).map { _ in all.randomElement(using: &random) ?? "" }.joined(separator: "&")
        }
    }

    // MARK: Files to import

    private mutating func imported() -> HostileRequest {
        var bytes: [UInt8]
        if chance(0.4) {
            bytes = body(printed())
        } else {
            let lines = exported().map { chance(0.35) ? body($0) : Hostile.text($0) }
            bytes = Array(lines.joined(separator: Array((chance(0.05) ? "\r\n" : "\n").utf8)))
            if chance(0.05) { bytes = Hostile.changed(bytes, &random) }
            if chance(0.02) { bytes += [0x0A] + bytes }
        }
        if chance(0.01) { bytes = [0xEF, 0xBB, 0xBF] + bytes }
        return HostileRequest(
            method: "POST", target: "/studio/import", headers: [("content-type", "application/json")], body: bytes)
    }

    /// What `nla explain --json` prints.
    private mutating func printed() -> JSONValue {
        let results = (0...below(2)).map { index -> JSONValue in
            [
                "token": "a", "token_id": .integer(below(300)), "position": .integer(index), "l2_norm": 3.5,
                "description": words(), "text": "w",
                "complete": true, "mse": 0.5, "cosine_similarity": 0.75, "variance_explained": 0.25,
                "claims": [
                    ["text": "The hero is greedy.", "confidence": 0.5, "doubtful": false],
                    ["text": "w", "confidence": .null, "doubtful": .null],
                ],
            ]
        }
        return [
            "model": "tiny", "layer": 5, "tokens": 4, "text": words(), "results": .array(results),
            "summary": ["fve": 0.5],
        ]
    }

    private mutating func exported() -> [JSONValue] {
        let text = "a b", isChat = chance(0.2)
        let fact: JSONValue = [
            "subject": "the hero", "relation": "motive", "value": "greedy", "from": 0, "until": 2, "stated_from": 1,
        ]
        let reading: JSONValue = [
            "type": "reading", "id": "7", "created": "2026-01-01T00:00:00Z", "title": words(), "pair": "tiny",
            "layer": 5, "text": .string(text),
            "messages": isChat ? messages() : .null,
            "truth": chance(0.3)
                ? ["id": "x", "kind": "story", "text": .string(text), "facts": [fact], "moments": []] : .null,
            "tokens": [
                [
                    "token": "a", "token_id": 5, "position": 0, "role": isChat ? "user" : .null,
                    "message_index": isChat ? 0 : .null,
                    "section": isChat ? "content" : .null, "channel": .null, "fragment_index": 0, "fragment_count": 1,
                ],
                ["token": " b", "token_id": 6, "position": 1],
            ],
        ]
        let vector =
            chance(0.5)
            ? Data((0..<256).flatMap { _ in [0, 0, UInt8(below(128)), 63] as [UInt8] }) : Data([0, 0, 128, 63])
        let explanation: JSONValue = [
            "type": "explanation", "id": "3", "reading": "7", "created": "", "pair": "tiny",
            "position": .integer(below(2)), "token": "a",
            "sample": .integer(below(3)), "text": "w", "description": words(), "complete": true, "mse": 0.5,
            "cosine_similarity": 0.5,
            "variance_explained": -0.5, "l2_norm": 2, "temperature": 1, "seed": "5", "agreement": 0.5,
            "origin": "model",
            "claims": [
                [
                    "sentence": "w", "fact": ["subject": "the hero", "relation": "motive", "value": "greedy"],
                    "confidence": 0.5, "truth": "latent",
                    "words": "w",
                ]
            ],
            "activation": chance(0.5) ? .string(vector.base64EncodedString()) : .null,
        ]
        let note: JSONValue = [
            "type": "note", "id": "2", "reading": "7", "created": "", "position": chance(0.3) ? .null : 1,
            "text": words(), "highlighted": true,
        ]
        return [reading] + (chance(0.8) ? [explanation] : []) + (chance(0.4) ? [note] : [])
    }

    // MARK: Parts

    private mutating func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    private mutating func chance(_ probability: Double) -> Bool { random.uniform() < probability }

    private mutating func words() -> JSONValue {
        chance(0.7) ? "The hero is greedy." : .string(Shape.text(&random, limit: 40))
    }

    private mutating func escaped() -> String {
        Shape.text(&random, limit: 12).addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    private mutating func number() -> String {
        [
            "0", "1", "2", "40", "200", "201", "-1", "1e3", "0x10", "9223372036854775807", "9223372036854775808", "NaN",
            "inf", "", "0.5", "%30",
        ]
        .randomElement(using: &random) ?? "1"
    }

    private mutating func identifier(_ ids: [String]) -> String {
        if chance(0.93), let id = ids.randomElement(using: &random) { return id }
        return ["0", "-1", "1", "9223372036854775807", "99999999999999999999", "x", "%00", "1.5", "1%2f2", "+1"]
            .randomElement(using: &random) ?? "0"
    }

    private mutating func reading() -> String { identifier(known.readings) }
    private mutating func note() -> String { identifier(known.notes) }
    private mutating func explanation() -> String { identifier(known.explanations) }

    private mutating func run() -> String {
        ["run", "run", "run", "none", "..", "%2e%2e", "run%2f..", ""].randomElement(using: &random) ?? "run"
    }
}
