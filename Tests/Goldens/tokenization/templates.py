"""Chat templates in the styles that models use, written for these tests, and snippets that try one thing each."""

CHATML = """\
{%- set ns = namespace(system='', count=0) %}
{%- for message in messages if message.role == 'system' %}
    {%- set ns.system = ns.system ~ message['content'] | trim %}
    {%- set ns.count = ns.count + 1 %}
{%- endfor %}
{%- if ns.system %}
    {{- '<|im_start|>system\\n' + ns.system + '<|im_end|>\\n' }}
{%- endif %}
{%- if tools is not none and tools | length > 0 %}
    {{- '<tools>\\n' }}
    {%- for tool in tools %}
        {{- (tool | tojson) ~ ('' if loop.last else ',') ~ '\\n' }}
    {%- endfor %}
    {{- '</tools>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'system' %}{% continue %}{% endif %}
    {{- '<|im_start|>' ~ message.role ~ '\\n' }}
    {%- if message.content is string %}
        {{- message.content }}
    {%- else %}
        {%- for part in message.content or [] %}
            {%- if part.type == 'text' %}{{ part.text }}{% elif part['type'] == 'image' %}{{ '<image>' }}{% endif %}
        {%- endfor %}
    {%- endif %}
    {%- if message.tool_calls is defined and message.tool_calls %}
        {%- for call in message.tool_calls %}
            {{- '\\n<call>' ~ call.function.name ~ ' ' ~ call.function.arguments | tojson ~ '</call>' }}
        {%- endfor %}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
"""

MISTRAL = """\
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] [" }}
        {%- for tool_call in message.tool_calls %}
            {%- set out = tool_call.function|tojson %}
            {{- out[:-1] }}
            {%- if tool_call.id | length != 9 %}
                {{- raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}
            {%- endif %}
            {{- ', "id": "' + tool_call.id + '"}' }}
            {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" + eos_token }}{%- endif %}
        {%- endfor %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token }}
    {%- elif message["role"] == "tool" %}
        {{- '[TOOL_RESULTS] {"content": ' + message.content|string + "}[/TOOL_RESULTS]" }}
    {%- else %}
        {{- raise_exception("Only user, assistant and tool roles are supported, not " ~ message.role ~ "!") }}
    {%- endif %}
{%- endfor %}
"""

MACROS = """\
{% macro json_type(schema, depth=0) -%}
  {%- set kinds = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"} -%}
  {%- if schema.type is defined and schema.type in kinds -%}
    {{ kinds[schema.type] }}
  {%- elif schema.type == "array" -%}
    list[{{ json_type(schema['items'], depth=depth + 1) }}]
  {%- elif schema.type == "object" -%}
    dict({% for name, value in schema.properties | dictsort %}{{ name }}: {{ json_type(value, depth + 1) }}
    {%- if name not in schema.required | default([]) %}?{% endif %}{{ ", " if not loop.last }}{% endfor %})
  {%- else -%}
    any@{{ depth }}
  {%- endif -%}
{%- endmacro %}
{% set header %}
Tools follow.
{% endset %}
{% if tools %}
{{ header | trim }}
  {% for tool in tools | map(attribute="function") %}
    - {{ tool.name | upper }}: {{ json_type(tool.parameters) }} {# the schema #}
      {{ tool.description | default("no description", true) | indent(6) }}
  {% endfor %}
{% else %}
No tools.
{% endif %}
{%- generation %}{{ messages[-1].content }}{% endgeneration %}

{% for m in messages | reverse %}
{% if loop.index > 3 %}{% break %}{% endif %}
{{ loop.index }}/{{ loop.length }} {{ m.role.title() }} {{ loop.cycle('odd', 'even') }}
{% else %}
nobody
{% endfor %}
{% raw %}{{ not rendered }}{% endraw %}

"""

LLAMA = """\
{% for message in messages %}{% set content = '<|start|>' + message['role'] + '<|end|>\\n\\n'+ message['content'] | trim + '<|eot|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\\n\\n' }}{% endif %}"""

GEMMA = """\
{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- if messages[0]['content'] is string -%}
        {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- else -%}
        {%- set first_user_prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}
    {%- endif -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {%- if item['type'] == 'image' -%}
                {{ '<image_soft_token>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
"""

TEMPLATES = {"chatml": CHATML, "mistral": MISTRAL, "macros": MACROS, "llama": LLAMA, "gemma": GEMMA}

MESSAGES = {
    "chat": [
        {"role": "system", "content": " Be brief. "},
        {"role": "user", "content": "  What's the capital of \"France\"?\n"},
        {"role": "assistant", "content": "Paris — « la ville lumière » 🗼"},
        {"role": "user", "content": "Thanks\r\n<b>&</b>"},
    ],
    "one": [{"role": "user", "content": "Hi"}],
    "parts": [
        {"role": "user", "content": [{"type": "text", "text": " Look: "}, {"type": "image"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
    ],
    "tools": [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "abc123def", "type": "function",
                 "function": {"name": "weather", "arguments": {"city": "Köln", "days": 3, "units": None, "wind": 1.5}}}
            ],
        },
        {"role": "tool", "content": "{\"sky\": \"grey\"}", "tool_call_id": "abc123def"},
        {"role": "assistant", "content": "Grey."},
    ],
    "alternation": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "empty": [],
}

TOOLS = [
    {"type": "function", "function": {
        "name": "weather", "description": "The weather.\nNow, or later.\n\nIn a city.",
        "parameters": {"type": "object", "required": ["city"], "properties": {
            "city": {"type": "string", "description": "e.g. \"Köln\" & co."},
            "days": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "number"}},
            "B": {"type": ["string", "null"]}}}}},
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
]

EXPRESSIONS = r"""
1 + 2 * 3 - 4 / 2
7 // 2, -7 // 2, 7 % 3, -7 % 3, 7 % -3, 7.5 // 2, -7.5 % 2, 2 ** 10, 2 ** -1, 2 ** 3 ** 2, -2 ** 2
1 / 3, 10 / 5, 1e3, 1.0, 1e16, 123456789.123, 0.1 + 0.2, 1_000
'a' ~ 1 ~ none ~ true ~ 1.5 ~ [1, 'x'] ~ undefined_name
'a' 'b' "c"
"tab\there", 'quote\'s', "uni\u00e9\x41\n", 'back\\slash', '\d', '\101'
[1, 'two', "it's", none, true, 3.0, [], {}, (1,), (1, 2), {'k': 'v', 1: 2}]
'é\n\t\\\x01\u200b'|list
1 < 2 < 3, 1 < 2 > 3, 'a' < 'b', [1, 2] < [1, 3], 1 == 1.0, true == 1, 'a' == 'b', none == none, (1,2) == (1,2)
1 in [1, 2], 'a' in 'cat', 'x' not in 'cat', 'k' in {'k': 1}, 2 not in (1, 2), '' in ''
not true, not 0, not '', not [], not none, true and 0, '' or 'x', none and 1, 1 or 2
'yes' if 1 else 'no', 'yes' if 0 else 'no', ('x' if false)
'abcdef'[1], 'abcdef'[-1], 'abcdef'[1:3], 'abcdef'[::-1], 'abcdef'[::2], 'abcdef'[-3:], 'abcdef'[:-2], 'abc'[5:], 'abc'[-9:2]
[1,2,3,4][1:], [1,2,3,4][::-1], [1,2,3,4][-2:], [1,2,3][5] is defined, (1,2,3)[::-2], [1,2,3][2:0:-1]
messages[0].role, messages[0]['role'], messages[-1].content, messages|length, messages[99] is undefined
missing is defined, missing is undefined, missing is none, none is none, missing is string, missing is iterable
1 is number, 1.5 is number, true is number, '1' is number, 1 is integer, true is integer, 1.0 is float, true is boolean
'x' is string, [] is string, {} is mapping, [] is mapping, [] is sequence, {} is sequence, 'x' is sequence, 1 is sequence
[] is iterable, 'x' is iterable, 1 is iterable, none is iterable, (1,) is sequence
3 is odd, 4 is even, 9 is divisibleby 3, 1 is eq 1, 1 is equalto(2), 1 is in [1], 2 is not in [1], 1 is ne 2, 1 is lt 2
true is true, 1 is true, false is false, none is false, 'a' is sameas 'a', 'abc' is lower, 'ABC' is upper, range is callable
none is not none, missing is not defined and true, not missing is defined
missing ~ '|', missing|default('d'), none|default('d'), none|default('d', true), ''|d('x', boolean=true), missing|d
missing|length, missing|list, missing == missing, missing == none, missing != 1
' pad '|trim ~ '|', 'xxaxx'|trim('x'), 'ABC'|lower, 'abc'|upper, 'hello wORLD'|capitalize, 'hello wOrld-foo bar'|title
"they're bill's"|title, "they're bill's".title(), 'ǆ ß'|upper, 'İ'|lower, 'ﬁx'|capitalize
'a-b-a'|replace('a', 'x'), 'aaa'|replace('a', 'b', 2), 'aaa'.replace('a', 'b', 1), 'ab'.replace('', '-')
[3,1,2]|sort, ['b','A','c']|sort, ['b','A','c']|sort(case_sensitive=true), [1,2,3]|sort(reverse=true), messages|sort(attribute='role')|map(attribute='role')|list
[1,2,3]|first, [1,2,3]|last, []|first is defined, 'abc'|first, 'abc'|last, {'a': 1}|first
[1,2,3]|sum, [1.5, 2]|sum, [{'n': 1}, {'n': 2}]|sum(attribute='n'), []|sum, [[1],[2]]|sum(start=[])
[1,2,3]|join, [1,2,3]|join(', '), ['a']|join('-'), messages|join('/', attribute='role'), 'abc'|join('.')
[1,2,3]|reverse|list, 'abc'|reverse, [1,1,2,'a','A']|unique|list, [1,2,3,4]|select('odd')|list, [1,2,3,4]|reject('even')|list, [0,1,'',2]|select|list
messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|list
messages|rejectattr('role', 'in', ['user', 'system'])|list|length
messages|map(attribute='role')|map('upper')|join(' '), ['a ', ' b']|map('trim')|list, ['a','b']|map('replace', 'a', 'z')|list
messages|selectattr('nope')|list, messages|selectattr('nope', 'defined')|list, [{'a': {'b': 1}}]|map(attribute='a.b')|list, [[1,2],[3,4]]|map(attribute=1)|list
[{'a': 1}, {}]|map(attribute='a', default=0)|list
'yes' if messages|selectattr('nope') else 'no'
{'b': 1, 'a': 2}|dictsort, {'b': 1, 'a': 2}|dictsort(by='value'), {'b': 1, 'A': 2}|dictsort(true), {'b': 1}|items|list
{'a': 1}.items()|list, {'a': 1}.keys()|list, {'a': 1}.values()|list, {'a': 1}.get('a'), {'a': 1}.get('b'), {'a': 1}.get('b', 5)
{'items': 5}['items'], {'x': 5}.x, {'x': 5}['y'] is defined, {1: 'one'}[1], {'a': 1, 'a': 2}
'3'|int, '3.7'|int, 'x'|int, 'x'|int(-1), 3.9|int, -3.9|int, '0x1f'|int(base=16), '1.5'|float, 'y'|float, 2|float, none|int, true|int
2.5|round, 3.5|round, 2.567|round(2), 2.1|round(method='ceil'), 2.9|round(0, 'floor'), 7|round, -5|abs, -5.5|abs, 1234|round(-2)
'a\nb\n\nc'|indent, 'a\nb'|indent(2), 'a\nb'|indent(2, true), 'a\n\nb'|indent(2, blank=true), 'a\nb'|indent('> ')
'<b>'|length, 'x'|string, 1|string, [1]|string, 'a b c'|wordcount
[1, 'é', "q\"", none, true, 1.5, {'b': 1, 'a': [ ]}, '<>&\'']|tojson
{'b': 1, 'a': [1, {}]}|tojson(indent=2)
{'b': 1, 'a': 'é😀'}|tojson(ensure_ascii=true, sort_keys=true, separators=(',', ':'))
1e100|tojson, 5.0|tojson, (1, 2)|tojson, {1: 'x', none: 2, true: 3}|tojson, 'a\x7f\u2028'|tojson, 1.5e-7|tojson
' x '.strip() ~ '|', 'xxabc'.lstrip('x'), 'abc  '.rstrip() ~ '|', 'a,b,c'.split(','), ' a  b '.split(), 'a,b,c'.split(',', 1), 'a,b,c'.rsplit(',', 1)
'abc'.startswith('ab'), 'abc'.endswith('bc'), 'abc'.startswith(('x', 'a')), 'abc'.upper(), 'ABC'.lower(), 'abc'.find('c'), 'abc'.find('z'), 'abab'.rfind('b'), 'abab'.count('ab')
'-'.join(['a', 'b']), 'a\nb\r\nc'.splitlines(), 'hello world'.title(), 'hello'.capitalize(), 'aBc'.swapcase(), '42'.zfill(5), '-42'.zfill(5)
'12'.isdigit(), 'a1'.isalnum(), 'ab'.isalpha(), ' '.isspace(), 'AB'.isupper(), 'ab'.islower(), ''.isdigit(), 'a=b=c'.partition('='), 'a=b=c'.rpartition('=')
'prefix-x'.removeprefix('prefix-'), 'x.txt'.removesuffix('.txt'), [1,2,1].count(1), [1,2].index(2)
range(3)|list, range(1, 4)|list, range(10, 0, -3)|list, range(0)|list, dict(a=1, b=2), dict([('x', 1)]), dict({'y': 1}, z=2)
'ab' * 3, 3 * 'ab', [1] * 3, [1] + [2], (1,) + (2,), true + true, 'x' * -1
-3, +3, - 3 + 5, -(2 - 5), not 1 == 2
(1, 2, 3), (1), (), 1,
{'a': {'b': [10, 20]}}.a.b.1, [[1, 2], [3, 4]].1.0
messages[1:]|length, messages[:-1][-1].role, messages|map('length')|list
[1, 2, 3]|batch(2)|list, [3, 1, 2]|min, [3, 1, 2]|max, ['b', 'A']|min
'👩‍👧é'|length, '👩‍👧é'[0], 'e\u0301'|length, 'ÀÉ'|lower
'x' is in 'xyz', 5 is between, 1
'abc'|nofilter
none + 1
'a' + 1
[1] + 'a'
missing.attribute
missing['item']
messages[0].nope.deeper
messages[0].nope ~ '!'
'a' + messages[0].nope
1 / 0
1 % 0
[] < 1
none|length
5|list
{}['a'].b
'abc'.nomethod()
messages.append(1)
missing()
raise_exception('custom message')
missing|tojson
[1, missing]|tojson
'' ~ missing.x
range(1000000)
{[]: 1}
1 in 5
1 in 'abc'
'%s' is string
"a" < 1
""".strip("\n").split("\n")

BLOCKS = [
    "a\n{% if true %}\nb\n{% endif %}\nc\n",
    "a\n  {% if true %}  \n  b\n  {%- endif %}\n\nc\n\n",
    "a  {%- if true -%}  b  {%- endif -%}  c",
    "  {%+ if true %} b {%+ endif +%}\n c",
    "x {{- ' y ' -}} z {{ 'w' }}\n\n",
    "\n\n  {# comment #}\n  {#- tight -#}  after\n {# another #} same line\n",
    "{% raw %}\n  {{ x }} {% if %}\n{% endraw %}\nafter",
    "a {%- raw -%}  {{ b }}  {%- endraw -%}  c",
    "a\r\nb\rc{{ 'd\r\n' }}\r\n",
    "{{ {'a': {'b': 1}}.a }}{{ {'a': {}} }}",
    "{% for i in [1,2,3] %}{{ i }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for i in [] %}x{% else %}empty{% endfor %}{% for i in missing %}x{% else %}undef{% endfor %}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for i in range(10) if i is odd %}{{ loop.index }}/{{ loop.length }}:{{ i }} {% endfor %}",
    "{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in 'abc' %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.previtem }}{{ loop.nextitem }} {% endfor %}",
    "{% for i in [1,2] %}{% for j in [3,4] %}{{ loop.depth }}{{ i }}{{ j }}{{ loop.cycle('x', 'y') }} {% endfor %}{{ loop.index }}{% endfor %}",
    "{% for i in [1,1,2] %}{{ loop.changed(i) }} {% endfor %}",
    "{% set x = 1 %}{% for i in [1,2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}",
    "{% set x = 0 %}{% if true %}{% set x = 5 %}{% endif %}{{ x }}",
    "{% set ns = namespace(n=0, items=[]) %}{% for i in [1,2,3] %}{% set ns.n = ns.n + i %}{% set ns.items = ns.items + [i] %}{% endfor %}{{ ns.n }}{{ ns.items }}",
    "{% set a, b = 1, 'two' %}{{ a }}{{ b }}{% set c = 1, 2 %}{{ c }}",
    "{% set t %}\n  block {{ 1 + 1 }}\n{% endset %}[{{ t }}]{% set u | upper | trim %}  shout  {% endset %}[{{ u }}]",
    "{% macro m(a, b='x', c=a) %}({{ a }},{{ b }},{{ c }}){% endmacro %}{{ m(1) }}{{ m(1, 2, 3) }}{{ m(b=5, a=6) }}{{ m() }}",
    "{% set g = 1 %}{% macro m() %}{{ g }}{% set g = 2 %}{{ g }}{% endmacro %}{{ m() }}{{ g }}",
    "{% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * fact(n - 1)|int }}{% endif %}{% endmacro %}{{ fact(5) }}",
    "{% macro m() %}<{{ caller() }}>{% endmacro %}{% call m() %}inside{% endcall %}",
    "{% macro m() %}<{{ caller(1, 2) }}>{% endmacro %}{% call(a, b) m() %}{{ a }}-{{ b }}{% endcall %}",
    "{% filter upper %}abc {{ 'def' }}{% endfilter %}{% filter trim|replace('a', 'b') %} a {% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}",
    "{% generation %}{{ 'kept' }}{% endgeneration %}!",
    "{% if 0 %}a{% elif '' %}b{% elif [] %}c{% else %}d{% endif %}",
    "{% set messages = messages[1:] %}{{ messages|length }}{{ messages[0].role }}",
    "{% set tools = none %}{{ tools is none }}{{ documents is none }}{{ eos_token is defined }}",
    "{% for m in messages %}{% set role = m.role %}{% endfor %}{{ role is defined }}",
    "{% for m in messages %}{% if loop.first %}{% set first = m.content %}{% endif %}{{ first is defined }}{% endfor %}",
    "{% set ns = namespace() %}{{ ns.x is defined }}{% set ns.x = 1 %}{{ ns.x }}{{ ns['x'] }}",
    "{{ '<a href=\"x\">\\'&'|escape }} {{ '<b>'|e }} {{ '<b>'|safe }}",
    "{% set x.y = 1 %}",
    "{% set d = {} %}{% set d.y = 1 %}",
    "{% set ns = namespace(_a=1) %}",
    "{% for a, b in [[1]] %}{% endfor %}",
    "{% for a, b in [[1, 2, 3]] %}{% endfor %}",
    "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}",
    "{{ 'unclosed }}", "{{ 1 + }}", "{% if %}{% endif %}", "{% if true %}", "{% endif %}", "{% for x %}{% endfor %}",
    "{{ (1, 2 }}", "{{ [1, 2 }}", "{{ a b }}", "{% do x %}", "{% unknown %}", "{# open", "{% raw %} x", "{{ ", "{% break %}",
    "{{ x.", "{{ 1 is }}", "{% set true = 1 %}", "{{ f(a=1, 2) }}", "{{ & }}", "{% macro m(a=1, b) %}{% endmacro %}",
    "{{ strftime_now('%%') }}",
]

SNIPPETS = ["{{ " + expression + " }}" for expression in EXPRESSIONS] + BLOCKS
