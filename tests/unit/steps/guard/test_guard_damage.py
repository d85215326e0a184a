"""What a model does to a page is noticed: each kind of damage, in four languages."""

from __future__ import annotations

from random import Random

import pytest

from flowbuilder.steps.builtin.guard.comparison import findings_of
from tests.support.content.damage import CARRIERS, KINDS, RULES, damaged

ENGLISH = """---
title: Green tea
---

# Green tea

Most people in Japan drink it every day, and it may help you to relax, says Professor Tanaka in [his
book](https://books.example/tea).
It costs $12 for 250 g and keeps for 12.5 months, which 80% of all readers do not know, as the GitHub page of
Kyoto says.

{{< figure src="/a.png" >}}

## Brewing the leaves

Do not boil the water. Use **soft water** of 80 °C and wait for 3 minutes until the leaves open. The first
harvest was on March 5, 2021.
See [storing tea](/guides/store) and [kettles of iron](/guides/kettles) for more about it, or call `brew(80)` in
a program.

![A kettle on the stove](/images/kettle.png)

1. Boil the water in a kettle.
2. Let the water cool down.
3. Pour the water slowly.

- Sencha is steamed and rolled.
- Gyokuro grows in the shade.
- Hojicha is roasted in a pan.

## What others say about it

“Tea is a quiet luxury in a small cup,” she wrote in the year of her first journey.[^1] Others agree with that
(Kaiser, 2019).

Warning: hot water burns, so keep your hands away from the kettle.

```python
kettle = Kettle()
kettle.brew(80)
```

| tea | water | time |
| --- | --- | --- |
| sencha | 80 | two |
| hojicha | 95 | one |

[^1]: Her diary, which is kept in the library of the town.
"""
GERMAN = """# Grüner Tee

Die meisten Menschen in Japan trinken ihn jeden Tag, und er kann beim Entspannen helfen, sagt Professor Tanaka
in [seinem Buch](https://buch.example/tee).
Er kostet 12 € für 250 g, was 80 % der Leser nicht wissen. Die erste Ernte war am 5. März 2021 in den Bergen von
Kyoto.

## Die Zubereitung der Blätter

Kochen Sie das Wasser nicht auf. Nehmen Sie **weiches Wasser** und warten Sie 3 Minuten, bis sich die Blätter öffnen.
Mehr steht in [Tee lagern](/tee/lagern) und in [Kessel aus Eisen](/tee/kessel), wenn Sie es genau wissen wollen.

„Tee ist ein stilles Glück in einer kleinen Tasse“, schrieb sie im Jahr ihrer ersten Reise nach Japan.

Achtung: Heißes Wasser verbrennt die Haut, also halten Sie die Hände fern vom Kessel.
"""
FRENCH = """# Le thé vert

La plupart des gens au Japon en boivent tous les jours, et il peut aider à se détendre, dit Tanaka dans [son
livre](https://livre.example/the).
Il coûte 12 € pour 250 g, ce que 80 % des lecteurs ne savent pas. La première récolte était le 5 mars 2021 près
de Kyoto.

## La préparation des feuilles

Ne faites pas bouillir cette eau. Prenez de l'eau **très douce** et attendez 3 minutes, le temps que les
feuilles s'ouvrent.
Lisez aussi [garder le thé](/the/garder) et [bouilloires de fer](/the/bouilloires) si vous voulez tout savoir.
"""
CHINESE = """# 绿茶

大多数人在京都每天都喝绿茶，这可能会帮助你放松，田中教授在[他的书](https://books.example/tea)里这样说。
它需要等待 3 分钟才可以喝，但是水不能煮开，因为茶会变得很苦，叶子也会失去香味。

## 如何泡茶叶

请使用**软水**，水温为 80 度。更多内容请看[如何保存茶叶](/guides/store)和[铁壶的用法](/guides/kettles)，
那里有详细的说明和例子。
"""  # fmt: skip
MILD = (
    "emphasis_lost", "image_text_replaced", "link_text_replaced", "items_swapped", "clause_lost", "field_changed",
    "table_head_renamed", "comment_added", "notes_swapped",
)  # fmt: skip
"""Kinds that are worth a look, no more."""
PAGES = (ENGLISH, GERMAN, FRENCH, CHINESE)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damage_is_noticed(kind: str) -> None:
    tried = 0
    for number, page in enumerate(PAGES):
        pair = damaged(page, kind, Random(number))
        if pair is not None:
            tried += 1
            found = findings_of(*pair, {})
            assert found, f"page {number}: {kind}"
            named = {finding["severity"] for finding in found if finding["rule"] in RULES[kind]}
            assert named, f"page {number}: {kind}: {found}"
            assert named != {"info"} or kind in MILD, f"page {number}: {kind}: {found}"
    assert tried


def test_pages_with_other_line_breaks_have_no_findings() -> None:
    for page in (*PAGES, *CARRIERS.values()):
        for written in (page + "\n\n", page.replace("\n", "\r\n"), page.replace("\n\n", "\n\n\n")):
            assert findings_of(page, written, {}) == []
