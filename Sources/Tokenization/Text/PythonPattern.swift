import CPCRE2

/// A regular expression of Python's `re`, for short texts such as the names of layers, matched by PCRE2.
///
/// What both dialects know means the same in both, but for corners that no such pattern has. Matching is bounded: a pattern that
/// would go on for ever does not match.
package final class PythonPattern: @unchecked Sendable {
    private let code: OpaquePointer
    private let limits: OpaquePointer

    /// Why a pattern cannot be used, as a clause.
    package struct Problem: Error {
        package let reason: String
    }

    /// Compiles a pattern that must match a whole text, as `re.fullmatch` does. Throws `Problem`.
    package init(_ pattern: String) throws {
        guard pattern.utf8.count <= 20_000 else { throw Problem(reason: "the pattern is longer than 20,000 bytes") }
        var bytes = Array(pattern.utf8)
        var errorCode: Int32 = 0
        var errorOffset = 0
        let options = PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_ANCHORED | PCRE2_ENDANCHORED
        guard let code = pcre2_compile_8(&bytes, bytes.count, options, &errorCode, &errorOffset, nil),
            let limits = pcre2_match_context_create_8(nil)
        else { throw Problem(reason: "the pattern does not compile (at byte \(errorOffset))") }
        pcre2_set_match_limit_8(limits, 200_000)
        pcre2_set_heap_limit_8(limits, 1 << 12)
        self.code = code
        self.limits = limits
    }

    deinit {
        pcre2_code_free_8(code)
        pcre2_match_context_free_8(limits)
    }

    /// Whether the whole text matches.
    package func matches(_ text: String) -> Bool {
        guard let data = pcre2_match_data_create_8(1, nil) else { return false }
        defer { pcre2_match_data_free_8(data) }
        let bytes = Array(text.utf8)
        return pcre2_match_8(code, bytes, bytes.count, 0, 0, data, limits) >= 0
    }
}
