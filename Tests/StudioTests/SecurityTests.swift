import Foundation
import JSON
import LanguageModel
import Studio
import Testing

/// Who is answered.
@Suite("Who may call")
struct SecurityTests {
    @Test("With a secret nothing is said without it, nor with another one; a bearer token counts")
    func secret() async throws {
        try await withServer {
            $0.secret = "open-sesame"
        } _: { client, _ async throws in
            for path in ["/", "/v1/models", "/health"] {
                #expect(try await client.get(path).status == 401)
                for wrong in ["", "open-sesam", "open-sesame ", "open-sesamf", "OPEN-SESAME", "open-sesameopen-sesame"]
                {
                    let answer = try await client.send("GET", path, nil, [("X-SECRET-KEY", wrong)])
                    // HTTP takes white space around a value away.
                    #expect(answer.status == (wrong == "open-sesame " ? 200 : 401), "\(wrong)")
                }
                #expect(try await client.send("GET", path, nil, [("X-SECRET-KEY", "open-sesame")]).status == 200)
                #expect(
                    try await client.send("GET", path, nil, [("Authorization", "Bearer open-sesame")]).status == 200)
            }
            let answer = try await client.post("/tokenize", ["text": "a"])
            #expect(try answer.status == 401 && answer.json()["detail"]?.string?.contains("X-SECRET-KEY") == true)
        }
    }

    @Test("A page that points its own name here is refused, and so is a page of another origin")
    func foreignPages() async throws {
        try await withServer { client, _ async throws in
            for host in ["localhost", "127.0.0.1:\(client.port)", "LOCALHOST:80", "[::1]:1"] {
                #expect(try await client.status([("host", host)]) == 200, "\(host)")
            }
            for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "169.254.0.1"] {
                #expect(try await client.status([("host", host)]) == 403, "\(host)")
            }
            let own = "127.0.0.1:\(client.port)"
            #expect(try await client.status([("host", own), ("origin", "http://\(own)")]) == 200)
            for origin in ["http://evil.example", "null", "http://localhost:1", "https://127.0.0.1"] {
                #expect(try await client.status([("host", own), ("origin", origin)]) == 403, "\(origin)")
            }
        }
    }

    @Test("Other hosts and origins may call once they are allowed; no others are told that they may")
    func allowed() async throws {
        try await withServer {
            $0.allowedHosts = ["lab.example"]
            $0.allowedOrigins = ["https://page.example"]
        } _: { client, _ async throws in
            let headers = [("host", "lab.example:8000"), ("origin", "https://page.example")]
            let answer = try await client.send("GET", "/", nil, headers)
            #expect(answer.status == 200 && answer.headers["access-control-allow-origin"] == "https://page.example")
            let preflight = try await client.send("OPTIONS", "/explain", nil, headers)
            #expect(preflight.status == 204)
            #expect(preflight.headers["access-control-allow-headers"]?.contains("x-secret-key") == true)
            #expect(try await client.get("/").headers["access-control-allow-origin"] == nil)
            let other = try await client.send("OPTIONS", "/explain", nil, [("origin", "https://other.example")])
            #expect(other.status == 403 && other.headers["access-control-allow-origin"] == nil)
        }
    }

    @Test("Text in the disguise of a form is no request")
    func contentType() async throws {
        try await withServer { client, _ async throws in
            for (type, status) in [
                ("application/json", 200), ("application/json; charset=utf-8", 200), ("APPLICATION/JSON", 200),
                ("application/vnd.api+json", 200), ("text/plain", 415), ("application/x-www-form-urlencoded", 415),
            ] {
                let answer = try await client.send(
                    "POST", "/tokenize", Array(#"{"text": "a"}"#.utf8), [("content-type", type)])
                #expect(answer.status == status, "\(type)")
            }
        }
    }

    @Test("Listening for other machines needs a secret")
    func elsewhere() throws {
        var settings = StudioSettings()
        for host in ["0.0.0.0", "192.0.2.1", "::", "lab.example"] {
            settings.host = host
            #expect(throws: ModelError.self) { try settings.check() }
            settings.secret = "s"
            try settings.check()
            settings.secret = nil
        }
        for host in ["127.0.0.1", "localhost", "::1", "127.1.2.3"] {
            settings.host = host
            try settings.check()
        }
        for secret in ["", "two words", "sésame", "a\r\nb"] {
            settings.secret = secret
            #expect(throws: ModelError.self) { try settings.check() }
        }
    }

    @Test("The log says what was asked for, and nothing of what it said unless told to", arguments: [false, true])
    func log(logsContents: Bool) async throws {
        let lines = LoggedLines()
        try await withServer({ $0.logsContents = logsContents }, logger: lines.logger) { client, _ async throws in
            _ = try await client.post("/tokenize", ["text": "a private matter"])
            _ = try await client.post("/tokenize?text=private", ["text": 3])
            _ = try await client.post("/explain", ["text": "a private matter", "positions": [-1], "stream": true])
            _ = try await client.get("/")
        }
        let all = lines.all.joined(separator: "\n")
        #expect(all.contains("POST /tokenize 200") && all.contains("POST /tokenize 422") && all.contains("GET / 200"))
        #expect(all.contains("POST /explain 200 streamed"))
        #expect(all.contains("private") == logsContents, "\(all)")
    }
}
