"""Workflows that the tests run."""

NOTE = """
schema: flowbuilder/v1
name: note
title: A note
inputs:
  text: {type: string, minLength: 2, title: Text of the note, description: what it says}
  times: {type: integer, minimum: 1, maximum: 5, default: 2, title: How often}
steps:
  - {id: words, name: Count the words, type: code, with: {text: "{{ inputs.text }}"}, source: "len(text.split(' '))"}
  - {id: loud, type: code, with: {text: "{{ inputs.text }}"}, source: "text.upper()"}
  - id: both
    type: code
    with: {words: "{{ steps.words.output }}", loud: "{{ steps.loud.output }}"}
    source: "loud + '!' * words"
  - id: review
    name: Is it good?
    type: human_review
    title: "Is {{ steps.both.output }} good?"
    proposal: "{{ steps.both.output }}"
  - id: after
    type: code
    with: {approved: "{{ steps.review.output.approved }}", decision: "{{ steps.review.output.decision }}"}
    source: "[decision, approved]"
outputs: {result: "{{ steps.after.output }}"}
"""

TWO_REVIEWS = """
schema: flowbuilder/v1
name: two
steps:
  - {id: first, type: human_review, title: The first, proposal: one}
  - {id: second, type: human_review, title: The second, proposal: two}
  - {id: a, type: code, with: {x: "{{ steps.first.output.approved }}"}, source: "x + ' a'"}
  - {id: b, type: code, with: {x: "{{ steps.second.output.approved }}"}, source: "x + ' b'"}
outputs: {a: "{{ steps.a.output }}", b: "{{ steps.b.output }}"}
"""

ITEMS = """
schema: flowbuilder/v1
name: items
inputs: {numbers: {type: array, items: {type: integer}, default: [1, 2, 3]}}
steps:
  - id: each
    type: iteration
    over: inputs.numbers
    on_item_error: continue
    max_concurrency: 3
    steps:
      - {id: half, type: code, with: {n: "{{ item }}"}, source: "6 // n"}
      - {id: more, type: code, with: {n: "{{ steps.half.output }}"}, source: "n + 1"}
    output: "{{ steps.more.output }}"
  - {id: total, type: code, with: {values: "{{ steps.each.output.outputs }}"}, source: "len(values)"}
outputs: {total: "{{ steps.total.output }}"}
"""
