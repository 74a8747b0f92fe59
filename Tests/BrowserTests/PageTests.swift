import Foundation
import JSON
import Testing

/// The page in a real browser, against the real server and the bundled models.
@Suite(
    "The page in Chromium", .serialized, .sharesBrowser,
    .enabled(if: Driver.installed != nil, "no chromium or chromedriver: Scripts/install-dependencies.sh test"))
struct PageTests {
    @Test("A newcomer presses the one button, and words stream in under the tokens")
    func firstSteps() async throws {
        try await withStudio { browser, _, _ in
            // An example is there already; what is written under a token is seen before it is finished.
            try await browser.run(
                """
                window.halfWritten = 0;
                new MutationObserver(() => {
                  window.halfWritten += [...document.querySelectorAll('.unit.pending .claim')]
                    .filter((claim) => claim.textContent.length > 1).length;
                }).observe(document.getElementById('main'), {subtree: true, childList: true});
                """)
            // The first words come one frame after another: all at once, nobody would see them half-written.
            try await browser.pace(
                "(number) => number < 60 && new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")
            try await browser.click("#explain")
            try await browser.waitUntilExplained()
            #expect(try await browser.run("return window.halfWritten").int ?? 0 > 0)
            #expect(try await browser.count(".unit .gloss .claim") > 40)
            #expect(try await browser.count(".legend") == 1)
            // Of TinyWorld's texts it is known what is true.
            #expect(try await browser.count(".unit .truth") > 20)
        }
    }

    @Test("A typed text: click a token, see its explanation, draw samples, and see them side by side")
    func samples() async throws {
        try await withStudio { browser, _, _ in
            try await browser.explain(Browser.story)
            try await browser.clickToken(try await browser.lastToken("Hester"))
            #expect(try await browser.text(".panel h2") == "Hester")
            let said = try await browser.text(".panel .sample .words")
            #expect(said.contains("greedy"), "\(said)")
            try await browser.click("#draw")
            try await browser.wait(
                until: "four samples stand side by side",
                "document.querySelectorAll('.side-by-side')[0]?.children.length === 4 && !document.querySelector('#stop')"
            )
            #expect(try await browser.text(".side-by-side").contains("agreement"))
        }
    }

    @Test("Tokens that were not explained are when they are clicked, and a drag explains a range")
    func ranges() async throws {
        try await withStudio { browser, _, _ in
            // Longer than what is explained without being asked for.
            let long = Array(repeating: Browser.story, count: 4).joined(separator: "\n")
            try await browser.type(long, into: "#text")
            try await browser.click("#explain")
            try await browser.wait(
                until: "what is explained unasked is explained",
                "document.querySelector('.unit.explained') && !document.querySelector('#stop')")
            #expect(try await browser.count(".unit:not(.explained)") > 100)
            try await browser.clickToken(3)
            try await browser.wait(
                until: "the third token is explained",
                "document.querySelector(\".unit[data-index='3'].explained:not(.pending)\")")
            // Words that come in move the lines: until the drag is done none do.
            try await browser.wait(until: "nothing is being explained", "!document.querySelector('#stop')")
            try await browser.pace(
                "() => window.goesOn || new Promise((resolve) => { addEventListener('go-on', resolve); })")
            try await browser.drag(from: ".unit[data-index='6'] .token", to: ".unit[data-index='9'] .token")
            #expect(try await browser.count(".unit[aria-selected=true]") == 4)
            try await browser.press(.enter)
            try await browser.run("window.goesOn = true; dispatchEvent(new Event('go-on'));")
            try await browser.wait(
                until: "all four are explained",
                "[6, 7, 8, 9].every((index) => document.querySelector(`.unit[data-index='${index}'].explained:not(.pending)`))"
            )
        }
    }

    @Test("Edit the words, see the cosine move, push the change into the model, and read before and after")
    func editAndSteer() async throws {
        try await withStudio { browser, _, _ in
            try await browser.explain(Browser.saddle)
            try await browser.clickToken(try await browser.lastToken("was"))
            try await browser.click("#tab-edit")
            try await browser.wait(
                until: "the words are scored", "document.querySelectorAll('.fit .measure').length === 2")
            let before = try await browser.text(".fit .measure:nth-child(2) .number")
            try await browser.type(Browser.saddleChanged, into: "#edit-words")
            try await browser.wait(
                until: "the changed words are scored",
                "document.querySelector('.verdict') && document.querySelector('.fit .measure:nth-child(2) .number').textContent !== \(JSONValue.string(before).serialized())"
            )
            #expect(try await browser.text(".verdict").contains("cosine"))
            #expect(try await browser.count(".nearest li a") > 0)
            try await browser.click("#push")
            try await browser.wait(
                until: "all four variants are written",
                "document.querySelectorAll('.variant').length === 4 && !document.querySelector('.variants[aria-busy]')")
            #expect(try await browser.count(".variant.clean .next li") > 3)
            let written = try await browser.run(
                "return [...document.querySelectorAll('.variant .written')].map((one) => one.textContent)"
            ).array?.compactMap(\.string)
            let texts = try #require(written)
            // What the words said decides who it is; a push of that length in any direction does not.
            #expect(texts.count == 4 && texts[1].contains("Rosa"), "\(texts)")
            for other in [texts[0], texts[2], texts[3]] { #expect(other.contains("Cyril"), "\(texts)") }
            // A stronger push asks again by itself.
            try await browser.run(
                """
                // A fast machine is not busy for as long as it takes to look twice.
                window.hasAsked = false;
                new MutationObserver(() => {
                    if (document.querySelector('.variants[aria-busy]')) window.hasAsked = true;
                }).observe(document.body, {subtree: true, childList: true, attributeFilter: ['aria-busy']});
                const slider = document.querySelector('#strength');
                slider.value = 0;
                slider.dispatchEvent(new Event('input', {bubbles: true}));
                """)
            try await browser.wait(
                until: "the weaker push was asked for and has come",
                "window.hasAsked && !document.querySelector('.variants[aria-busy]')")
            // No push changes nothing.
            let unmoved = try await browser.run(
                "return [...document.querySelectorAll('.variant .written')].slice(0, 2).map((one) => one.textContent)")
            #expect(unmoved[0] == unmoved[1])
            // The link brings back the words, the strength, and what the push did.
            let link = try await browser.address()
            try await browser.open("about:blank")
            try await browser.open(link)
            try await browser.wait(
                until: "all four variants are written",
                "document.querySelectorAll('.variant').length === 4 && !document.querySelector('.variants[aria-busy]')")
            let again = try await browser.run(
                "return [...document.querySelectorAll('.variant .written')].slice(0, 2).map((one) => one.textContent)")
            #expect(again == unmoved)
        }
    }

    @Test("The library finds it by its words, and its link opens it where it was")
    func findAgain() async throws {
        try await withStudio { browser, studio, driver in
            try await browser.explain(Browser.story)
            let index = try await browser.lastToken("Hester")
            try await browser.clickToken(index)
            try await browser.click("#tab-edit")
            try await browser.type("The hero is honest.", into: "#edit-words")
            try await browser.wait(until: "the address holds the words", "location.hash.includes('words=')")
            let link = try await browser.address()
            // Another window, which knows nothing but the link.
            let other = try await Browser(driver, .stranger, server: studio.process)
            try await other.open(link)
            try await other.wait(
                until: "the link's words stand there",
                "document.querySelector('#edit-words')?.value === 'The hero is honest.'")
            #expect(try await other.text(".panel h2") == "Hester")
            #expect(
                try await other.run("return document.querySelector('.unit.current').dataset.index").string == "\(index)"
            )
            #expect(try await other.count(".unit.explained") == (try await browser.count(".unit")))
            // By words.
            try await browser.click("nav [data-view=library]")
            try await browser.type("greedy", into: "input[type=search]")
            try await browser.wait(
                until: "the library shows what holds the word",
                "location.hash.endsWith('words=greedy') && !document.querySelector('.library-page[aria-busy]') && document.querySelectorAll('.found a').length > 0 && [...document.querySelectorAll('.found a')].every((found) => /greedy/.test(found.textContent))"
            )
            #expect(try await browser.count(".found mark") > 0)
            #expect(try await browser.address().hasSuffix("#/library?words=greedy"))
            try await browser.click(".found a")
            try await browser.wait(
                until: "the panel says what was found",
                "document.querySelector('.panel .sample .words')?.textContent.includes('greedy')")
            // Words that nobody wrote find nothing.
            try await browser.open(studio.address + "/#/library?words=zzyzx")
            try await browser.wait(
                until: "the library says that nothing was found",
                "document.querySelector('.found')?.textContent.includes('Nothing was found')")
        }
    }

    @Test("Notes and highlights stay, and deleted is deleted")
    func notesAndDeletion() async throws {
        try await withStudio { browser, _, _ in
            try await browser.explain(Browser.story)
            try await browser.clickToken(4)
            try await browser.click("#tab-notes")
            try await browser.type("the orchard matters", into: ".panel textarea")
            try await browser.click(saying: "Keep the note")
            try await browser.wait(until: "the note is kept", "document.querySelector('.notes li')")
            try await browser.click(saying: "Highlight this token")
            try await browser.wait(
                until: "the token is highlighted", "document.querySelector(\".unit[data-index='4'].highlighted\")")
            try await browser.reload()
            try await browser.wait(
                until: "the token is highlighted", "document.querySelector(\".unit[data-index='4'].highlighted\")")
            #expect(try await browser.text(".notes li").contains("the orchard matters"))
            try await browser.click("nav [data-view=library]")
            try await browser.wait(
                until: "one text is on the shelf", "document.querySelectorAll('.shelf li').length === 1")
            try await browser.click(saying: "Delete")
            try await browser.click("dialog .danger")
            try await browser.wait(
                until: "no text is on the shelf", "document.querySelectorAll('.shelf li').length === 0")
        }
    }

    @Test("An exported page opens without the server, and nothing is fetched")
    func exported() async throws {
        try await withStudio { browser, studio, driver in
            try await browser.explain(Browser.story)
            try await browser.click(".menu summary")
            try await browser.click("#export-html")
            let page = try await driver.download(".html")
            studio.stop()
            let reader = try await Browser(driver, .stranger, server: studio.process)
            try await reader.open(page.absoluteString)
            let text = try await reader.run("return document.body.innerText").string ?? ""
            #expect(text.contains("greedy") && text.contains("Hester"), "\(text.prefix(300))")
            #expect(try await reader.run("return performance.getEntriesByType('resource').length").int == 0)
            #expect(try await reader.complaints().isEmpty)
        }
    }

    @Test("Stopping stops, and the page says so; what was finished is kept")
    func stopping() async throws {
        try await withStudio { browser, _, _ in
            try await browser.explain(Browser.story)
            // A fast server must not be done before somebody can stop it, nor a message go before somebody can read it.
            try await browser.pace("(number) => number < 20 ? null : new Promise(() => {})")
            try await browser.run(
                """
                window.said = '';
                new MutationObserver(() => { window.said += document.querySelector('.progress').textContent; })
                  .observe(document.querySelector('.progress'), {childList: true, subtree: true});
                """)
            try await browser.click("#explain-all")
            try await browser.click("#stop")
            try await browser.wait(
                until: "nothing is being explained",
                "!document.querySelector('#stop') && !document.querySelector('.unit.pending')")
            #expect(try await browser.run("return window.said").string?.contains("kept") == true)
            #expect(try await browser.count(".unit.explained") == (try await browser.count(".unit")))
        }
    }

    @Test("What a text holds is never read as markup")
    func markup() async throws {
        try await withStudio { browser, _, _ in
            let text = "<img src=x onerror=window.hacked=1> </textarea><script>window.hacked=1</script> Hester"
            try await browser.explain(text)
            #expect(try await browser.count("main img, main script") == 0)
            #expect(try await browser.run("return window.hacked === undefined").bool == true)
            try await browser.click("nav [data-view=library]")
            try await browser.wait(until: "a text is on the shelf", "document.querySelector('.shelf a')")
            #expect(try await browser.count("main img, main script") == 0)
        }
    }

    @Test("Two tokens are compared, in one text and across two")
    func comparing() async throws {
        try await withStudio { browser, _, _ in
            try await browser.explain(Browser.story)
            try await browser.clickToken(3)
            try await browser.click("#tab-compare")
            try await browser.run(
                """
                const other = document.querySelector('.page select');
                other.value = '10';
                other.dispatchEvent(new Event('change'));
                """)
            try await browser.wait(
                until: "the difference is said of both", "document.querySelectorAll('.difference article').length === 2"
            )
            try await browser.click(saying: "Compare with another text")
            try await browser.wait(until: "there are two sides", "document.querySelectorAll('.side').length === 2")
            try await browser.type("Here is a couplet. This one is about food.", into: ".side textarea")
            try await browser.click(".side .primary")
            try await browser.wait(
                until: "the difference is said of both", "document.querySelectorAll('.difference article').length === 2"
            )
            #expect(try await browser.address().contains("other_reading="))
        }
    }

    @Test("A run's curves grow while it trains, and its report opens in a sandbox")
    func runs() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nla-runs-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = try TrainingRun(folder.appending(path: "rl"))
        try run.write(steps: 1...20)
        try await withStudio(Browser.Look(), ["--runs", folder.path]) { browser, studio, _ in
            try await browser.click("nav [data-view=runs]")
            try await browser.click(".shelf a")
            try await browser.wait(
                until: "curves are drawn", "document.querySelectorAll('.curve path.line').length >= 2")
            #expect(try await browser.text(".view .meta").contains("20"))
            try run.write(steps: 21...40)
            try await browser.wait(
                until: "the run has come to step 40",
                "document.querySelector('.view .meta').textContent.includes('step 40')")
        }
    }

    @Test("A chat is typed turn by turn, and read with its template around it")
    func chat() async throws {
        try await withStudio { browser, _, _ in
            try await browser.click(saying: "Chat")
            try await browser.type("What will you do?", into: ".turn textarea")
            try await browser.click("#explain")
            try await browser.wait(until: "the text is open", "document.querySelectorAll('.unit').length > 0")
            try await browser.waitUntilExplained()
            #expect(try await browser.text(".interlinear .role") == "user")
            #expect(try await browser.count(".unit.scaffold") > 2)
            let content = try await browser.run(
                "return [...document.querySelectorAll('.unit:not(.scaffold) .token')].map((one) => one.textContent).join('')"
            ).string
            #expect(content == "Whatwillyoudo?")
        }
    }

    @Test("Data that was saved, deleted and imported is found again")
    func importing() async throws {
        try await withStudio { browser, _, driver in
            try await browser.explain(Browser.story)
            try await browser.click(".menu summary")
            try await browser.click(saying: "Save as data (JSONL)")
            let saved = try await driver.download(".jsonl")
            try await browser.click("nav [data-view=library]")
            try await browser.click(saying: "Delete")
            try await browser.click("dialog .danger")
            try await browser.wait(
                until: "the library says that nothing is left",
                "document.querySelector('.found')?.textContent.includes('Nothing')")
            try await browser.choose(saved, for: "input[type=file]")
            try await browser.wait(
                until: "one text is on the shelf", "document.querySelectorAll('.shelf li').length === 1")
            try await browser.type("greedy", into: "input[type=search]")
            try await browser.wait(
                until: "the words that were found are marked", "document.querySelectorAll('.found mark').length > 0")
        }
    }

    @Test("With two pairs there is a map over them, and each cell says its words")
    func layers() async throws {
        let other = FileManager.default.temporaryDirectory.appending(path: "nla-pair-\(UUID().uuidString)")
        try FileManager.default.createSymbolicLink(at: other, withDestinationURL: RunningStudio.pair)
        defer { try? FileManager.default.removeItem(at: other) }
        try await withStudio(Browser.Look(), ["--nla", other.path]) { browser, _, _ in
            try await browser.explain(Browser.story)
            try await browser.clickToken(try await browser.lastToken("Hester"))
            try await browser.click("#tab-layers")
            try await browser.click(".layers .primary")
            try await browser.wait(
                until: "the map has two rows", "document.querySelectorAll('.heat tbody tr').length === 2")
            try await browser.click(".heat tr:last-child td:last-child button")
            #expect(try await browser.text(".page .words").contains("greedy"))
        }
    }

    @Test("A server with a secret asks for it once")
    func secret() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "nla-secret-\(UUID().uuidString)")
        try Data("open-sesame\n".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try await withStudio(Browser.Look(), ["--secret-file", file.path], isReady: false) { browser, _, _ in
            try await browser.type("open the door", into: "dialog input")
            try await browser.press(.enter)
            try await browser.wait(
                until: "the dialog says that the secret is not right",
                "document.querySelector('dialog p')?.textContent.includes('not right')")
            try await browser.type("open-sesame", into: "dialog input")
            try await browser.press(.enter)
            try await browser.wait(
                until: "the page has a text to begin with", "document.querySelector('#text')?.value.length > 0")
            try await browser.explain("Long ago Hester worked at the orchard.")
            // The refusals are in the browser's log, as they should be.
            let complaints = try await browser.complaints()
            #expect(!complaints.isEmpty && complaints.allSatisfy { $0.contains("401") }, "\(complaints)")
        }
    }
}
