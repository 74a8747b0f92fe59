import CPCRE2

/// A compiled pattern in the dialect of tokenizer files, which is Oniguruma's, matched by PCRE2.
///
/// Compiled once and never changed afterwards, it may be used from several threads at a time.
final class RegularExpression: @unchecked Sendable {
    private let code: OpaquePointer
    private let limits: OpaquePointer

    /// Backtracking steps per match, beyond which the rest of the text counts as not matching.
    private static let stepLimit: UInt32 = 5_000_000
    private static let heapLimitInKibibytes: UInt32 = 64 << 10
    private static let longestPattern = 100_000

    /// Compiles `pattern`.
    ///
    /// - Throws: `TokenizerError` that names `source`.
    init(_ pattern: String, source: String) throws {
        guard pattern.utf8.count <= Self.longestPattern else {
            throw TokenizerError(source: source, reason: "a regular expression is longer than 100,000 bytes")
        }
        var translated = try Array(OnigurumaPattern.translated(pattern, source: source).utf8)
        var errorCode: Int32 = 0
        var errorOffset = 0
        // `^` and `$` match at lines in Oniguruma's default syntax.
        let options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C
        guard
            let code = pcre2_compile_8(&translated, translated.count, options, &errorCode, &errorOffset, nil),
            let limits = pcre2_match_context_create_8(nil)
        else {
            throw TokenizerError(
                source: source,
                reason: "the regular expression \(pattern.debugDescription) does not compile: "
                    + "\(Self.message(errorCode)) at byte \(errorOffset); check the pattern")
        }
        // Where there is no just-in-time compiler, matching falls back to the interpreter.
        _ = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
        pcre2_set_match_limit_8(limits, Self.stepLimit)
        pcre2_set_heap_limit_8(limits, Self.heapLimitInKibibytes)
        self.code = code
        self.limits = limits
    }

    deinit {
        pcre2_code_free_8(code)
        pcre2_match_context_free_8(limits)
    }

    private static func message(_ code: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = pcre2_get_error_message_8(code, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer.prefix(Int(count)), as: UTF8.self) : "error \(code)"
    }

    /// Calls `body` with each match in turn, as start and end. `text` must be valid UTF-8.
    func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Int, Int) -> Void) {
        if let known = LaterCharacters.shared?.replaced(in: text) {
            known.withUnsafeBufferPointer { forEachKnownMatch(in: $0, body) }
        } else {
            forEachKnownMatch(in: text, body)
        }
    }

    private func forEachKnownMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Int, Int) -> Void) {
        // Nothing is found in nothing, not even nothing.
        guard !text.isEmpty, let base = text.baseAddress, let data = pcre2_match_data_create_8(1, nil)
        else { return }
        defer { pcre2_match_data_free_8(data) }
        guard let offsets = pcre2_get_ovector_pointer_8(data) else { return }
        var start = 0
        var lastEnd = -1
        while start <= text.count {
            guard match(base, text.count, start, data) else { return }
            // `\K` can put the start behind the end, and lookbehind tricks before the last match.
            let (matchStart, matchEnd) = (max(offsets[0], start), offsets[1])
            guard matchStart < matchEnd else {
                if matchEnd != lastEnd { body(matchEnd, matchEnd) }
                lastEnd = matchEnd
                guard matchEnd < text.count else { return }
                start = matchEnd + UTF8Scalar.length(text[matchEnd])
                continue
            }
            body(matchStart, matchEnd)
            start = matchEnd
            lastEnd = matchEnd
        }
    }

    @inline(__always)
    private func match(_ base: UnsafePointer<UInt8>, _ count: Int, _ start: Int, _ data: OpaquePointer) -> Bool {
        let options = UInt32(PCRE2_NO_UTF_CHECK)
        var result = pcre2_match_8(code, base, count, start, options, data, limits)
        if result == PCRE2_ERROR_JIT_STACKLIMIT {
            // The interpreter keeps its backtracking points on the heap, within `heapLimitInKibibytes`.
            result = pcre2_match_8(code, base, count, start, options | UInt32(PCRE2_NO_JIT), data, limits)
        }
        return result >= 0
    }
}
