"""The chat template: whether there is one, and which tool-call parser its markers ask of an engine."""

from typing import Final

_MARKERS: Final[tuple[tuple[str, str], ...]] = (
    ("<|tool_calls_section_begin|>", "kimi_k2"),
    ("<minimax:tool_call>", "minimax_m2"),
    ("<seed:tool_call>", "seed_oss"),  # before the markers that it has inside
    ("<longcat_tool_call>", "longcat"),
    ("<arg_key>", "glm45"),
    ("<function=", "qwen3_coder"),
    ("<tool_call>", "hermes"),
    ("[TOOL_CALLS]", "mistral"),
    ("<|python_start|>", "llama4_pythonic"),
    ("<|python_tag|>", "llama3_json"),
    ("<|start|>assistant<|channel|>", "openai"),
    ("<|channel|>commentary", "openai"),
    ("<|START_ACTION|>", "command_a"),
    ("<|tool_call|>", "granite"),
    ("<|tool_call_start|>", "lfm2"),
    ("<start_function_call>", "functiongemma"),
    ("<|action_start|>", "internlm"),
    ("<function_calls>", "olmo3"),
    ("<tool_calls>", "jamba"),
)
_DEEPSEEK: Final = "<｜tool▁calls▁begin｜>"
_DEEPSEEK_MARKUP: Final = "<｜DSML｜"


def tool_call_parser(template: str) -> str:
    """The parser's name as vLLM and SGLang know it, told from the template's markers; "" when it names no tools."""
    if _DEEPSEEK_MARKUP in template:
        return "deepseek_v32"
    if _DEEPSEEK in template:
        return "deepseek_v3" if "<｜tool▁call▁begin｜>function" in template or "'type'" in template else "deepseek_v31"
    for marker, parser in _MARKERS:
        if marker in template:
            return parser
    if '"name":' in template and "Environment: ipython" in template:
        return "llama3_json"
    return ""


def template_in(value: object) -> str:
    """The template in tokenizer_config.json's `chat_template`: a text, or a list of named ones."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        named = {str(v.get("name")): v.get("template") for v in value if isinstance(v, dict)}
        for name in ("tool_use", "default", *named):
            if isinstance(found := named.get(name), str):
                return found
    return ""
