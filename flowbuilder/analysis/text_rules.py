"""The rules of templates and expressions, by code: what `explain` prints for complaints about a text."""

from __future__ import annotations

from collections.abc import Mapping

RULES: Mapping[str, str] = {
    "FB201": """a template or an expression cannot be read: something in it stands where it cannot stand.

Templates are `{{ ... }}` and `{% ... %}` inside a text. `when`, `over` and `key` are bare expressions, without braces.

Wrong:
    inputs:
      score: {type: number}
    steps:
      - {id: page, type: page, url: https://example.com, when: inputs.score > }
    outputs: {text: "{{ steps.page.output.text | default('') }}"}

Right:
    inputs:
      score: {type: number}
    steps:
      - {id: page, type: page, url: https://example.com, when: inputs.score > 0.5}
    outputs: {text: "{{ steps.page.output.text | default('') }}"}
""",
    "FB202": """there is no such filter, function or test. People who come from Liquid, n8n or Python find in the hint
what the one that they know is called here.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {title: "{{ steps.page.output.title | upcase }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {title: "{{ steps.page.output.title | upper }}"}
""",
    "FB203": """something that templates elsewhere have, and these have not: macros, includes, calls of values, methods.

A template reads data and calls the filters and functions of the language; nothing else can happen in it.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {title: "{{ steps.page.output.title.upper() }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {title: "{{ steps.page.output.title | upper }}"}
""",
    "FB204": """a template or an expression is longer, or nested deeper, than is read. Long work belongs in a code step.

Wrong:
    steps:
      - id: page
        type: page
        url: https://example.com
        when: ((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))
    outputs: {text: "{{ steps.page.output.text | default('') }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {text: "{{ steps.page.output.text }}"}
""",
    "FB205": """a name that no context has: it begins with an underscore, or belongs to the machinery of another
language.

`a.b` looks up the key `b` in data, and nothing else. Where data really has a key like that, write `a["_b"]`.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {text: "{{ steps.page.output.__class__ }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {text: "{{ steps.page.output.text }}"}
""",
    "FB206": """a filter or a function is given too few, too many, or other arguments than it takes.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {text: "{{ steps.page.output.text | replace('a') }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {text: "{{ steps.page.output.text | replace('a', 'b') }}"}
""",
    "FB301": """there is no such name, or a value has no such member.

What a step gives is known from its type, from `output_schema` and from `response_schema`; what is not described there
may have any members.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {title: "{{ steps.page.output.titel }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {title: "{{ steps.page.output.title }}"}
""",
    "FB302": """a value is used as something that it is not: a number is compared with a text, a filter for lists gets a
text, `over` is not a list, a field gets a value that it does not take.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {long: "{{ steps.page.output.text > 1000 }}"}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
    outputs: {long: "{{ steps.page.output.text | wordcount > 1000 }}"}
""",
    "FB304": """a member may be missing or null here: the schema does not require it, or allows null, or only some
branches of a conditional give it. What only some branches give is an error, the rest is a warning.

Wrong:
    steps:
      - id: draft
        type: llm
        model: "demo:"
        prompt: Say hello
        output_schema: {type: object, properties: {text: {type: string}, note: {type: string}}, required: [text]}
    outputs: {text: "{{ steps.draft.output.text }}", note: "{{ steps.draft.output.note }}"}

Right:
    steps:
      - id: draft
        type: llm
        model: "demo:"
        prompt: Say hello
        output_schema: {type: object, properties: {text: {type: string}, note: {type: string}}, required: [text]}
    outputs: {text: "{{ steps.draft.output.text }}", note: "{{ steps.draft.output.note | default('') }}"}
""",
}
