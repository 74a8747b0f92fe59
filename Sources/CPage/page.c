// The page's files as they lie in Sources/Studio/Page, so that nla is one file. A test checks that none is missing here.
#include "page.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char api_js[] = {
#embed "../Studio/Page/api.js"
};
static const unsigned char chat_js[] = {
#embed "../Studio/Page/chat.js"
};
static const unsigned char compare_page_js[] = {
#embed "../Studio/Page/compare-page.js"
};
static const unsigned char compare_js[] = {
#embed "../Studio/Page/compare.js"
};
static const unsigned char compose_js[] = {
#embed "../Studio/Page/compose.js"
};
static const unsigned char curves_js[] = {
#embed "../Studio/Page/curves.js"
};
static const unsigned char dialog_js[] = {
#embed "../Studio/Page/dialog.js"
};
static const unsigned char dom_js[] = {
#embed "../Studio/Page/dom.js"
};
static const unsigned char edit_js[] = {
#embed "../Studio/Page/edit.js"
};
static const unsigned char explanations_js[] = {
#embed "../Studio/Page/explanations.js"
};
static const unsigned char icon_svg[] = {
#embed "../Studio/Page/icon.svg"
};
static const unsigned char index_html[] = {
#embed "../Studio/Page/index.html"
};
static const unsigned char keys_js[] = {
#embed "../Studio/Page/keys.js"
};
static const unsigned char layers_js[] = {
#embed "../Studio/Page/layers.js"
};
static const unsigned char library_js[] = {
#embed "../Studio/Page/library.js"
};
static const unsigned char main_js[] = {
#embed "../Studio/Page/main.js"
};
static const unsigned char marks_js[] = {
#embed "../Studio/Page/marks.js"
};
static const unsigned char notes_js[] = {
#embed "../Studio/Page/notes.js"
};
static const unsigned char panel_js[] = {
#embed "../Studio/Page/panel.js"
};
static const unsigned char reading_js[] = {
#embed "../Studio/Page/reading.js"
};
static const unsigned char router_js[] = {
#embed "../Studio/Page/router.js"
};
static const unsigned char runs_js[] = {
#embed "../Studio/Page/runs.js"
};
static const unsigned char steer_js[] = {
#embed "../Studio/Page/steer.js"
};
static const unsigned char style_css[] = {
#embed "../Studio/Page/style.css"
};
static const unsigned char theme_js[] = {
#embed "../Studio/Page/theme.js"
};
static const unsigned char tokens_js[] = {
#embed "../Studio/Page/tokens.js"
};
static const unsigned char tour_js[] = {
#embed "../Studio/Page/tour.js"
};
static const unsigned char words_js[] = {
#embed "../Studio/Page/words.js"
};

static const struct page_file files[] = {
    {"api.js", "text/javascript; charset=utf-8", api_js, sizeof api_js},
    {"chat.js", "text/javascript; charset=utf-8", chat_js, sizeof chat_js},
    {"compare-page.js", "text/javascript; charset=utf-8", compare_page_js, sizeof compare_page_js},
    {"compare.js", "text/javascript; charset=utf-8", compare_js, sizeof compare_js},
    {"compose.js", "text/javascript; charset=utf-8", compose_js, sizeof compose_js},
    {"curves.js", "text/javascript; charset=utf-8", curves_js, sizeof curves_js},
    {"dialog.js", "text/javascript; charset=utf-8", dialog_js, sizeof dialog_js},
    {"dom.js", "text/javascript; charset=utf-8", dom_js, sizeof dom_js},
    {"edit.js", "text/javascript; charset=utf-8", edit_js, sizeof edit_js},
    {"explanations.js", "text/javascript; charset=utf-8", explanations_js, sizeof explanations_js},
    {"icon.svg", "image/svg+xml; charset=utf-8", icon_svg, sizeof icon_svg},
    {"index.html", "text/html; charset=utf-8", index_html, sizeof index_html},
    {"keys.js", "text/javascript; charset=utf-8", keys_js, sizeof keys_js},
    {"layers.js", "text/javascript; charset=utf-8", layers_js, sizeof layers_js},
    {"library.js", "text/javascript; charset=utf-8", library_js, sizeof library_js},
    {"main.js", "text/javascript; charset=utf-8", main_js, sizeof main_js},
    {"marks.js", "text/javascript; charset=utf-8", marks_js, sizeof marks_js},
    {"notes.js", "text/javascript; charset=utf-8", notes_js, sizeof notes_js},
    {"panel.js", "text/javascript; charset=utf-8", panel_js, sizeof panel_js},
    {"reading.js", "text/javascript; charset=utf-8", reading_js, sizeof reading_js},
    {"router.js", "text/javascript; charset=utf-8", router_js, sizeof router_js},
    {"runs.js", "text/javascript; charset=utf-8", runs_js, sizeof runs_js},
    {"steer.js", "text/javascript; charset=utf-8", steer_js, sizeof steer_js},
    {"style.css", "text/css; charset=utf-8", style_css, sizeof style_css},
    {"theme.js", "text/javascript; charset=utf-8", theme_js, sizeof theme_js},
    {"tokens.js", "text/javascript; charset=utf-8", tokens_js, sizeof tokens_js},
    {"tour.js", "text/javascript; charset=utf-8", tour_js, sizeof tour_js},
    {"words.js", "text/javascript; charset=utf-8", words_js, sizeof words_js},
};

const struct page_file *page_files(size_t *count) {
    *count = sizeof files / sizeof *files;
    return files;
}
