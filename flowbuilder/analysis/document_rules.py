"""The rules of the loader, by code: what `explain` prints for complaints about the document itself."""

from __future__ import annotations

from collections.abc import Mapping

RULES: Mapping[str, str] = {
    "FB001": """the text is not YAML or JSON.

The parser stops at the first place that it cannot read, so there is one such complaint at a time. The commonest causes:
a template without quotes, a text with a colon and a space without quotes, tabs, and a file that is not UTF-8.

Wrong:
    steps:
      - {id: page, type: page, url: {{ inputs.url }}}

Right:
    inputs:
      url: {type: string}
    steps:
      - {id: page, type: page, url: "{{ inputs.url }}"}
""",
    "FB002": """a name stands twice in the same object. YAML parsers differ on which of the two counts; here neither
may.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com/a, url: https://example.com/b}

Right:
    steps:
      - {id: page, type: page, url: https://example.com/a}
""",
    "FB003": """the document is empty, is not an object, or is followed by another one. A file holds one workflow.

Wrong:
    steps:
      - {id: page, type: page, url: https://example.com}
    ---
    steps: []

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
""",
    "FB004": """the document is larger than what is read: 1,048,576 characters, 200,000 values, 64 levels.

Anchors (`&name`) may be repeated (`*name`); what they repeat is counted each time.

Wrong:
    outputs:
      deep: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
        1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
""",
    "FB005": """the document holds something that JSON does not have: an infinite number, an integer beyond 64 bit, a
tag of one's own (`!name`), or a merge key (`<<`).

Plain texts are read by the rules of YAML 1.2: `on`, `yes` and `no` are texts; only `true` and `false` are booleans.

Wrong:
    inputs:
      limit: {type: number, default: .inf}
    steps:
      - {id: page, type: page, url: https://example.com}

Right:
    inputs:
      limit: {type: number, default: 1000000}
    steps:
      - {id: page, type: page, url: https://example.com}
""",
    "FB010": """there is no such field here. `flowbuilder steps` lists the fields of each step type.

Wrong:
    steps:
      - {id: draft, type: llm, model: "demo:", promt: Say hello}

Right:
    steps:
      - {id: draft, type: llm, model: "demo:", prompt: Say hello}
""",
    "FB011": """a field that must be there is missing.

Wrong:
    steps:
      - {type: page, url: https://example.com}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
""",
    "FB012": """a field has a value that it cannot have.

Wrong:
    steps:
      - {id: rows, type: api, url: https://example.com, method: FETCH}

Right:
    steps:
      - {id: rows, type: api, url: https://example.com, method: GET}
""",
    "FB013": """there is no such step type. `flowbuilder steps` lists the types, those of installed packages included.

Wrong:
    steps:
      - {id: page, type: web_page, url: https://example.com}

Right:
    steps:
      - {id: page, type: page, url: https://example.com}
""",
    "FB014": """an input is not described by a JSON Schema. An input is required unless it has a `default`.

Wrong:
    inputs:
      url: {type: text}
    steps:
      - {id: page, type: page, url: "{{ inputs.url }}"}

Right:
    inputs:
      url: {type: string}
    steps:
      - {id: page, type: page, url: "{{ inputs.url }}"}
""",
    "FB015": """the default of an input is not valid against the input's own schema.

Wrong:
    inputs:
      score: {type: number, maximum: 1, default: 70}
    steps:
      - {id: page, type: page, url: "https://example.com/{{ inputs.score }}"}

Right:
    inputs:
      score: {type: number, maximum: 1, default: 0.7}
    steps:
      - {id: page, type: page, url: "https://example.com/{{ inputs.score }}"}
""",
}
