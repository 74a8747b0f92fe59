import Foundation
import JSON
import TestSupport
import Testing
import Tokenization

@Suite("Chat templates")
struct ChatTemplateTests {
    private func render(_ source: String, messages: JSONValue = [], extra: [String: JSONValue] = [:]) throws -> String {
        try ChatTemplate(source: source).render(
            messages: messages, addGenerationPrompt: false, bosToken: "<s>", eosToken: nil, extra: extra,
            now: Date(timeIntervalSince1970: 1_767_355_200))
    }

    @Test("Errors name the line, when parsing and when rendering")
    func lines() {
        let parsing = #expect(throws: TokenizerError.self) { try render("a\nb\n{% frobnicate %}") }
        #expect(parsing?.source == "chat template, line 3")
        #expect(parsing?.reason.contains("frobnicate") == true)
        let rendering = #expect(throws: TokenizerError.self) { try render("a\n{{ 'x' | nofilter }}") }
        #expect(rendering?.source == "chat template, line 2")
        #expect(rendering?.reason.contains("nofilter") == true)
    }

    @Test("An exception that the template raises is the error's reason")
    func raisedException() {
        let error = #expect(throws: TokenizerError.self) { try render("{{ raise_exception('No system role') }}") }
        #expect(error?.reason == "No system role")
    }

    @Test("Markers that are missing are undefined")
    func markers() throws {
        #expect(try render("{{ bos_token }}|{{ eos_token }}|{{ eos_token is defined }}") == "<s>||False")
    }

    @Test("Further variables take precedence")
    func extraVariables() throws {
        #expect(try render("{{ bos_token }}{{ enable }}", extra: ["bos_token": "x", "enable": true]) == "xTrue")
    }

    @Test("The time is the one given")
    func time() throws {
        #expect(try render("{{ strftime_now('%d %b %Y') }}") == "02 Jan 2026")
    }

    @Test(
        "Templates that would never end, or eat all memory or stack, are refused",
        arguments: [
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{% set n = namespace(s='ab') %}{% for a in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
            "{% set n = namespace(s=[1]) %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}",
            "{% set n = namespace(s=[]) %}{% for a in range(99999) %}{% set n.s = [n.s] %}{% endfor %}",
            "{% set n = namespace(s=[]) %}{% for a in range(99) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}",
            "{% set n = namespace(s=[]) %}{% for a in range(99) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s == n.s }}",
            "{% set n = namespace(s=()) %}{% for a in range(99) %}{% set n.s = (n.s, n.s) %}{% endfor %}{{ {n.s: 1} }}",
            "{% set n = namespace(s={}) %}{% for a in range(99) %}{% set n.s = {1: n.s, 2: n.s} %}{% endfor %}{{ n.s | tojson }}",
            "{% set s = 'a' * 1000000 %}{% for a in range(99999) %}{{ s in s }}{% endfor %}",
            "{{ 'x' * 9999999999 }}", "{{ [1] * 9999999999 }}", "{{ range(9999999999) }}", "{{ 2 ** 9999 }}",
            "{{ 'aaaaaaaaaa'.replace('', 'b' * 999999).replace('', 'b' * 999999) }}",
            "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ (-9223372036854775807 - 1) // -1 }}",
        ])
    func limits(source: String) {
        #expect(throws: TokenizerError.self) { try render(source) }
    }

    @Test("Searching a long text for a long one takes linear time")
    func longSearch() throws {
        let times = try growth(from: 100_000, to: 800_000) { size in
            let wanted = "('a' * \(size / 2) ~ 'b')"
            let source = "{% set s = 'a' * \(size) %}{{ \(wanted) in s }}{{ s.find(\(wanted)) }}"
            let text = try render(source)
            #expect(text == "False-1")
        }
        // Eight times the work; 64 times, were it quadratic.
        #expect(times < 24, "\(times)")
    }

    @Test("Chains of namespaces and macros are taken apart without recursion")
    func longChains() throws {
        let namespaces =
            "{% set n = namespace(p=none) %}{% for i in range(50000) %}{% set n.p = namespace(p=n.p) %}{% endfor %}"
        #expect(try render(namespaces) == "")
        let macros =
            "{% set n = namespace(f=none) %}{% for i in range(50000) %}{% set g = n.f %}"
            + "{% macro m() %}{% endmacro %}{% set n.f = m %}{% endfor %}"
        #expect(try render(macros) == "")
    }

    @Test(
        "Nesting beyond what the stack bears is refused when parsing",
        arguments: [("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("{1:", "}"), ("1 if 1 else ", "")])
    func nesting(opening: String, closing: String) {
        let source = String(repeating: opening, count: 20_000) + "1" + String(repeating: closing, count: 20_000)
        #expect(throws: TokenizerError.self) { try ChatTemplate(source: "{{ \(source) }}") }
    }

    @Test(
        "Blocks and operators beyond measure are refused when parsing", arguments: [" + 1", " | trim", ".a", " or 1"])
    func chains(link: String) {
        #expect(throws: TokenizerError.self) {
            try ChatTemplate(source: "{{ a" + String(repeating: link, count: 20_000) + " }}")
        }
        #expect(throws: TokenizerError.self) {
            try ChatTemplate(source: String(repeating: "{% if 1 %}", count: 20_000))
        }
    }

    @Test("Messages nested as deep as JSON allows can be rendered")
    func deepMessages() throws {
        let text = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        #expect(try render("{{ messages | tojson }}", messages: JSONValue.parse(text)) == text)
        #expect(try render("{{ messages }}", messages: JSONValue.parse(text)) == text)
    }
}
