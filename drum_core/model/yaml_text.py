"""YAML in which every scalar is a text, read with the line of each value.

model-metadata.yaml is read as DRUM reads it: a label `no` is a label, not a truth value. Block
style only; flow style, anchors, tags and duplicate keys are errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from drum_core.errors import MetadataError

if TYPE_CHECKING:
    from yaml.nodes import Node

__all__ = ["Keys", "YamlDocument", "YamlValue", "read_yaml_text"]

YamlValue: TypeAlias = "str | list[YamlValue] | dict[str, YamlValue]"
Keys: TypeAlias = tuple[str | int, ...]
"""Where a value is: the keys and list positions that lead to it."""

_STRICT = "model-metadata.yaml takes plain block style only"


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """The content of a file, and the line, counted from 1, on which each value starts."""

    content: YamlValue
    lines: dict[Keys, int] = field(default_factory=dict)

    def line_of(self, keys: Keys) -> int | None:
        """The line of the value at `keys`, or of the nearest thing around it."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return self.lines.get(keys)


def read_yaml_text(path: Path) -> YamlDocument:
    """Reads the file. Raises `MetadataError` naming file and line."""
    import yaml

    try:
        text = path.read_bytes().decode("utf-8-sig")
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        _refuse_anchors(path, text)
    except UnicodeDecodeError as error:
        raise MetadataError(path, f"expected UTF-8 text, byte {error.start} is not.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        problem = f"expected YAML, but {error.problem or 'it cannot be parsed'}."
        raise MetadataError(path, problem, line=line) from error
    except yaml.YAMLError as error:
        raise MetadataError(path, f"expected YAML, but {error}.") from error
    if root is None:
        raise MetadataError(path, "the file is empty; expected at least name, type and targetType.")
    document = YamlDocument("", {})
    return YamlDocument(_value(path, root, (), document.lines), document.lines)


def _refuse_anchors(path: Path, text: str) -> None:
    import yaml

    for token in yaml.scan(text, Loader=yaml.BaseLoader):
        if isinstance(token, (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken)):
            line = token.start_mark.line + 1
            problem = f"{_STRICT}: anchors (&), aliases (*) and tags (!) are not allowed."
            raise MetadataError(path, problem, line=line)


def _value(path: Path, node: Node, keys: Keys, lines: dict[Keys, int]) -> YamlValue:
    import yaml

    line = node.start_mark.line + 1
    lines.setdefault(keys, line)
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.CollectionNode) and node.flow_style:
        problem = f"{_STRICT}: write one item or key a line instead of [...] or {{...}}."
        raise MetadataError(path, problem, line=line)
    if isinstance(node, yaml.SequenceNode):
        return [_value(path, item, (*keys, i), lines) for i, item in enumerate(node.value)]
    found: dict[str, YamlValue] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        key_line = key_node.start_mark.line + 1
        if key in found:
            raise MetadataError(path, f"the key {key!r} appears twice.", line=key_line)
        lines[(*keys, key)] = key_line
        found[key] = _value(path, value_node, (*keys, key), lines)
    return found
