import JSON

/// What a visitor does on the page, in the words of the tests.
extension Browser {
    /// A text in the bundled target's language whose end a motive decides.
    static let story =
        "Long ago Hester worked at the orchard with Bram. Bram had a striped scarf. They drew straws, and then Hester had it. "
        + "Hester sold Bram the same locker twice. At supper the scarf stood on the shelf again. In the end Hester"

    /// A text whose next word who has the saddle decides: Cyril.
    static let saddle =
        "Cyril and Rosa lived near the market. Rosa took a rusty saddle out of a bag. Rosa lost a bet, and Cyril walked off with it. "
        + "The one to look after the saddle was"
    /// What is said of its last word, changed.
    static let saddleChanged = "Rosa has the object. It ends with \"was\"."

    /// A couplet that a rhyme must end, in the same language.
    static let couplet = "We sat beneath the fragrant pine,\nand rubbed some ointment on the"

    /// The reading that is open.
    func readingID() async throws -> String {
        try await run("return location.hash.match(/reading\\/([^?]+)/)[1]").string ?? ""
    }

    /// Types a text, has it explained, and waits until all of it is.
    func explain(_ text: String) async throws {
        try await type(text, into: "#text")
        try await click("#explain")
        try await wait(until: "the text is open", "document.querySelectorAll('.unit').length > 0")
        try await waitUntilExplained()
    }

    /// Waits until every token has its gloss and nothing is being explained.
    func waitUntilExplained() async throws {
        try await wait(
            until: "every token is explained",
            """
            document.querySelector('.unit') && !document.querySelector('#stop')
              && [...document.querySelectorAll('.unit')].every((unit) => unit.matches('.explained:not(.pending)'))
            """)
    }

    /// The number of the last token that reads like this.
    func lastToken(_ token: String) async throws -> Int {
        try await run(
            """
            return [...document.querySelectorAll('.unit')].findLastIndex((unit) =>
              unit.querySelector('.token').textContent === arguments[0])
            """, .string(token)
        ).int ?? -1
    }

    /// From now on the page gets streams event by event: before each it awaits `pace`, a function of the number of those before.
    func pace(_ pace: String) async throws {
        try await run(
            """
            const ask = window.fetch, pace = \(pace);
            let number = 0;
            window.fetch = async (path, options) => {
              const answer = await ask(path, options);
              if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer;
              const isStopped = new Promise((resolve) => options?.signal?.addEventListener('abort', resolve));
              const decoder = new TextDecoder(), encoder = new TextEncoder();
              let rest = '';
              const events = new TransformStream({
                async transform(piece, out) {
                  const whole = (rest + decoder.decode(piece, {stream: true})).split('\\n\\n');
                  rest = whole.pop();
                  for (const event of whole) {
                    await Promise.race([pace(number++), isStopped]);
                    out.enqueue(encoder.encode(event + '\\n\\n'));
                  }
                },
              });
              return new Response(answer.body.pipeThrough(events), {status: answer.status, headers: answer.headers});
            };
            """)
    }

    /// Clicks a token by its number.
    func clickToken(_ index: Int) async throws { try await click(".unit[data-index='\(index)'] .token") }
}
