import Foundation
import JSON
import Testing

/// The page for everybody: without a mouse, with a screen reader, on a phone, in the dark.
@Suite(
    "The page for everybody", .serialized, .sharesBrowser,
    .enabled(if: Driver.installed != nil, "no chromium or chromedriver: Scripts/install-dependencies.sh test"))
struct AccessTests {
    @Test("All of it goes without a mouse")
    func keyboard() async throws {
        try await withStudio { browser, _, _ in
            try await browser.run("document.querySelector('#text').focus()")
            try await browser.press(.enter, holding: .control)
            try await browser.waitUntilExplained()
            try await browser.run("document.querySelector('.unit').focus()")
            try await browser.press(.right, .right, .down)
            let below = try await browser.run("return Number(document.querySelector('.unit.current').dataset.index)")
                .int
            #expect(below ?? 0 > 2)
            try await browser.press(.home, .right, .right, holding: nil)
            try await browser.press(.right, .right, holding: .shift)
            #expect(try await browser.count(".unit[aria-selected=true]") == 3)
            try await browser.press("e")
            #expect(try await browser.run("return document.activeElement.id").string == "edit-words")
            // While one types, letters are letters.
            try await browser.press("?")
            #expect(try await browser.count("dialog") == 0)
            try await browser.run("document.activeElement.blur()")
            try await browser.press("?")
            #expect(try await browser.text("dialog.keys").contains("edit the words"))
            try await browser.press(.escape)
            try await browser.wait(until: "the dialog is closed", "!document.querySelector('dialog')")
            try await browser.press("t")
            #expect(try await browser.run("return document.activeElement.className").string?.contains("unit") == true)
            try await browser.press("h")
            try await browser.wait(until: "the token is highlighted", "document.querySelector('.unit.highlighted')")
            try await browser.press("/")
            try await browser.wait(until: "the search has the focus", "document.activeElement?.type === 'search'")
        }
    }

    @Test("Every control has a name, and what happens is said aloud")
    func names() async throws {
        try await withStudio { browser, studio, _ in
            func check(_ view: String) async throws {
                for control in try await browser.controlNames() {
                    #expect(!control.name.isEmpty, "no name on \(view): \(control.html)")
                }
            }
            try await check("the new text")
            try await browser.explain("Long ago Hester worked at the orchard.")
            try await browser.wait(
                until: "it is said that the text is explained",
                "document.querySelector('[role=status]').textContent.includes('explained')")
            try await browser.clickToken(2)
            for tab in ["words", "edit", "compare", "notes"] {
                try await browser.click("#tab-\(tab)")
                try await check(tab)
            }
            for view in ["library", "compare", "runs"] {
                try await browser.click("nav [data-view=\(view)]")
                try await browser.wait(until: "the view has a title", "document.querySelector('main h1')")
                try await check(view)
            }
            #expect(try await browser.run("return document.documentElement.lang").string == "en")
        }
    }

    @Test("It fits a screen 360 pixels wide, and the panel comes to where one is")
    func phone() async throws {
        var look = Browser.Look()
        look.width = 360
        look.height = 740
        try await withStudio(look) { browser, _, _ in
            func check(_ view: String) async throws {
                let width = try await browser.run("return document.documentElement.scrollWidth").int ?? 0
                #expect(width <= 360, "\(view) is \(width) wide")
            }
            try await check("the new text")
            try await browser.explain(Browser.story)
            try await check("the reading")
            try await browser.clickToken(5)
            for tab in ["words", "edit", "compare", "notes"] {
                try await browser.click("#tab-\(tab)")
                try await check(tab)
            }
            // The panel is in sight, whichever token was chosen.
            let top = try await browser.run("return document.querySelector('.panel h2').getBoundingClientRect().top")
                .double
            #expect((0..<740).contains(top ?? -1))
            try await browser.click(".panel .close")
            for view in ["library", "compare", "runs"] {
                try await browser.click("nav [data-view=\(view)]")
                try await browser.wait(until: "the view has a title", "document.querySelector('main h1')")
                try await check(view)
            }
        }
    }

    @Test("Text stands out enough from its ground, light and dark", arguments: [false, true])
    func contrast(isDark: Bool) async throws {
        var look = Browser.Look()
        look.prefersDark = isDark
        try await withStudio(look) { browser, _, _ in
            try await browser.explain(Browser.story)
            try await browser.clickToken(try await browser.lastToken("Hester"))
            let paper = try await browser.run(brightness, "background-color", "html").double ?? -1
            #expect(isDark ? paper < 0.1 : paper > 0.8)
            let worst = try await browser.run(worstContrast)
            #expect(worst["ratio"]?.double ?? 0 >= 4.5, "\(worst.serialized())")
        }
    }

    @Test("The switch goes against the system's theme, and is remembered")
    func theme() async throws {
        try await withStudio { browser, _, _ in
            try await browser.click("#theme-button")
            try await browser.click("#theme-button")
            try await browser.reload()
            try await browser.wait(
                until: "the button says that the theme is dark",
                "document.querySelector('#theme-button')?.textContent === 'Theme: dark'")
            let paper = try await browser.run(brightness, "background-color", "html").double ?? -1
            #expect(paper < 0.1)
        }
    }

    @Test("Nothing moves for those who asked for that")
    func motion() async throws {
        var look = Browser.Look()
        look.prefersReducedMotion = true
        try await withStudio(look) { browser, _, _ in
            try await browser.explain("Long ago Hester worked at the orchard.")
            let moving = try await browser.run("return document.getAnimations().length").int
            #expect(moving == 0)
        }
    }

    @Test("The tour is offered once, waits for its reader, and ends")
    func tour() async throws {
        try await withStudio(isNew: true) { browser, _, _ in
            try await browser.click(saying: "Show me")
            #expect(try await browser.text(".tour").contains("1 of 6"))
            #expect(try await browser.count("#explain.toured") == 1)
            try await browser.click("#explain")
            try await browser.waitUntilExplained()
            for step in 2...6 {
                if step == 4 { try await browser.clickToken(3) }
                if step == 5 { try await browser.click("#tab-edit") }
                try await browser.click(".tour .primary")
                #expect(try await browser.text(".tour").contains("\(step) of 6"))
            }
            try await browser.click(".tour .primary")
            #expect(try await browser.count(".tour") == 0)
            try await browser.reload()
            try await browser.wait(until: "the text is open", "document.querySelector('main .unit')")
            #expect(try await browser.count(".tour") == 0)
        }
    }

    /// The relative luminance of a colour, as the contrast rules count it, of whatever form the browser gives it in.
    private let luminance = """
        const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const rgba = (color) => {
          pen.clearRect(0, 0, 1, 1);
          pen.fillStyle = color;
          pen.fillRect(0, 0, 1, 1);
          return [...pen.getImageData(0, 0, 1, 1).data];
        };
        const luminance = ([r, g, b]) => [r, g, b].map((value) => value / 255)
          .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
          .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
        """

    private var brightness: String {
        luminance + "return luminance(rgba(getComputedStyle(document.querySelector(arguments[1]))[arguments[0]]));"
    }

    /// The text that stands out least from what is painted behind it.
    private var worstContrast: String {
        luminance + """
            let worst = {ratio: 99};
            for (const element of document.querySelectorAll('body *')) {
              const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
              if (!own || !element.checkVisibility() || element.closest('.unseen, .skip, :disabled')) continue;
              let ground = element;
              while (ground && rgba(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
              const [one, other] = [getComputedStyle(element).color, ground ? getComputedStyle(ground).backgroundColor : 'white']
                .map((color) => luminance(rgba(color)));
              const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
              if (ratio < worst.ratio) worst = {ratio, text: own.slice(0, 40), of: element.className};
            }
            return worst;
            """
    }
}
