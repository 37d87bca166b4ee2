"""OME's capability words: from architecture, heads, towers and sentence-transformers files."""

from pathlib import Path

import pytest

from crds.model_format import CAPABILITIES
from steps.parse.capabilities import Signs, capabilities_of, diffusion_capabilities
from steps.parse.chat import template_in, tool_call_parser
from tests.parsing.made_up_files import parse_folder, write_config
from tests.parsing.public_models import MODELS

CHAT, EMBED, RANK, SEE = ("TEXT_TO_TEXT",), ("EMBEDDING",), ("RERANK",), ("IMAGE_TEXT_TO_TEXT", "TEXT_TO_TEXT")


@pytest.mark.parametrize(
    ("signs", "words"),
    [
        (Signs("MistralForCausalLM", "mistral"), CHAT),
        (Signs("MistralModel", "mistral"), EMBED),
        (Signs("Qwen3ForCausalLM", "qwen3"), CHAT),
        (Signs("Qwen3ForCausalLM", "qwen3", pooling=True), EMBED),
        (Signs("Qwen3ForCausalLM", "qwen3", name="hf://qwen/qwen3-reranker-8b"), RANK),
        (Signs("BertModel", "bert"), EMBED),
        (Signs("BertForMaskedLM", "bert"), EMBED),
        (Signs("EsmForMaskedLM", "esm"), EMBED),
        (Signs("ChatGLMModel", "chatglm", own_class="modeling_chatglm.ChatGLMForConditionalGeneration"), CHAT),
        (Signs("NVEmbedModel", "nvembed", own_class="modeling_nvembed.NVEmbedModel"), EMBED),
        (Signs("GteModel", "gte", pooling=True, own_class="modeling.GteForCausalLM"), EMBED),
        (Signs("BertForSequenceClassification", "bert", labels=1), RANK),
        (Signs("XLMRobertaForSequenceClassification", "xlm-roberta", labels=1), RANK),
        (Signs("BertForSequenceClassification", "bert", labels=3), ()),
        (Signs("BertForSequenceClassification", "bert", labels=2, is_cross_encoder=True), RANK),
        (Signs("LlamaForSequenceClassification", "llama", labels=1), ()),
        (Signs("Qwen2ForRewardModel", "qwen2"), ()),
        (Signs("Qwen2ForProcessRewardModel", "qwen2"), ()),
        (Signs("JinaForRanking", "qwen3"), RANK),
        (Signs("BertForTokenClassification", "bert"), ()),
        (Signs("WhisperForConditionalGeneration", "whisper"), ("AUDIO_TO_TEXT", "AUDIO_TRANSLATION")),
        (Signs("Wav2Vec2ForCTC", "wav2vec2"), ("AUDIO_TO_TEXT",)),
        (Signs("LlavaForConditionalGeneration", "llava", has_vision=True), SEE),
        (Signs("CLIPModel", "clip", has_vision=True), EMBED),
        (
            Signs("Qwen2AudioForConditionalGeneration", "qwen2_audio", has_audio=True),
            ("TEXT_TO_TEXT", "AUDIO_TO_TEXT"),
        ),
        (Signs("SpeechT5ForTextToSpeech", "speecht5"), ("TEXT_TO_AUDIO",)),
        (Signs("MambaForCausalLM", "mamba"), CHAT),
        (Signs("", "brandnew"), CHAT),
    ],
)
def test_by_architecture(signs: Signs, words: tuple[str, ...]) -> None:
    found = capabilities_of(signs)
    assert found.words == words
    assert bool(found.note) == (not words)


def test_omni_models_hear_see_and_speak() -> None:
    words = capabilities_of(Signs("Qwen2_5OmniModel", "qwen2_5_omni", has_vision=True, has_audio=True)).words
    assert {"TEXT_TO_TEXT", "IMAGE_TEXT_TO_TEXT", "AUDIO_TO_TEXT", "TEXT_TO_AUDIO"} <= set(words)
    assert set(words) <= set(CAPABILITIES)


@pytest.mark.parametrize(
    ("pipeline", "word"),
    [
        ("FluxPipeline", "TEXT_TO_IMAGE"),
        ("StableDiffusionXLPipeline", "TEXT_TO_IMAGE"),
        ("StableDiffusionXLImg2ImgPipeline", "IMAGE_TEXT_TO_IMAGE"),
        ("StableDiffusionInpaintPipeline", "IMAGE_TEXT_TO_IMAGE"),
        ("QwenImageEditPipeline", "IMAGE_TEXT_TO_IMAGE"),
        ("QwenImagePipeline", "TEXT_TO_IMAGE"),
        ("FluxKontextPipeline", "IMAGE_TEXT_TO_IMAGE"),
        ("WanPipeline", "TEXT_TO_VIDEO"),
        ("WanImageToVideoPipeline", "IMAGE_TEXT_TO_VIDEO"),
        ("CogVideoXImageToVideoPipeline", "IMAGE_TEXT_TO_VIDEO"),
        ("HunyuanVideoPipeline", "TEXT_TO_VIDEO"),
        ("StableVideoDiffusionPipeline", "IMAGE_TEXT_TO_VIDEO"),
        ("StableAudioPipeline", "TEXT_TO_AUDIO"),
    ],
)
def test_diffusion_pipelines(pipeline: str, word: str) -> None:
    assert diffusion_capabilities(pipeline) == (word,)
    assert word in CAPABILITIES


def test_sentence_transformers_files_make_an_embedding_model(tmp_path: Path) -> None:
    write_config(tmp_path, MODELS[0].config)
    assert parse_folder(tmp_path).capabilities == CHAT
    (tmp_path / "modules.json").write_text(
        '[{"type": "sentence_transformers.models.Transformer"}, {"type": "sentence_transformers.models.Pooling"}]'
    )
    assert parse_folder(tmp_path).capabilities == EMBED
    (tmp_path / "modules.json").unlink()
    write_config(tmp_path, {"similarity_fn_name": "cosine"}, "config_sentence_transformers.json")
    assert parse_folder(tmp_path).capabilities == EMBED
    write_config(tmp_path, {"model_type": "CrossEncoder"}, "config_sentence_transformers.json")
    assert parse_folder(tmp_path).capabilities == RANK


def test_a_models_own_code_says_that_it_writes(tmp_path: Path) -> None:
    bare = {**MODELS[0].config, "model_type": "chatglm", "architectures": ["ChatGLMModel"]}
    write_config(tmp_path, bare)
    assert parse_folder(tmp_path).capabilities == EMBED
    write_config(tmp_path, {**bare, "auto_map": {"AutoModel": "modeling_chatglm.ChatGLMForConditionalGeneration"}})
    assert parse_folder(tmp_path).capabilities == CHAT


def test_a_reward_model_says_why_it_has_no_capability(tmp_path: Path) -> None:
    write_config(tmp_path, {**MODELS[0].config, "architectures": ["LlamaForSequenceClassification"], "num_labels": 1})
    facts = parse_folder(tmp_path)
    assert facts.capabilities == ()
    assert any("reward model" in warning for warning in facts.warnings)


@pytest.mark.parametrize(
    ("template", "parser"),
    [
        ("{{ '<tool_call>\\n{\"name\": ' }}", "hermes"),
        ("<tool_call>\n<function=", "qwen3_coder"),
        ("[TOOL_CALLS] [", "mistral"),
        ("<seed:tool_call>\n<function=", "seed_oss"),
        ("<longcat_tool_call>", "longcat"),
        ("<｜DSML｜function_calls>", "deepseek_v32"),
        ("<|action_start|><|plugin|>", "internlm"),
        ("<function_calls>", "olmo3"),
        ("<|python_tag|>", "llama3_json"),
        ("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function", "deepseek_v3"),
        ("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>", "deepseek_v31"),
        ("<|start|>assistant<|channel|>commentary", "openai"),
        ("{{ messages }}", ""),
        ("", ""),
    ],
)
def test_tool_call_parsers(template: str, parser: str) -> None:
    assert tool_call_parser(template) == parser


def test_templates_are_found_wherever_they_are(tmp_path: Path) -> None:
    assert template_in("plain") == "plain"
    assert template_in([{"name": "rag", "template": "r"}, {"name": "default", "template": "d"}]) == "d"
    assert template_in([{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]) == "t"
    assert template_in([1, {"name": None}, {}]) == ""
    assert template_in({"a": 1}) == ""
    write_config(tmp_path, MODELS[0].config)
    assert not parse_folder(tmp_path).has_chat_template
    write_config(tmp_path, {"chat_template": "{{ x }}[TOOL_CALLS]"}, "tokenizer_config.json")
    facts = parse_folder(tmp_path)
    assert (facts.has_chat_template, facts.tool_call_parser) == (True, "mistral")
    (tmp_path / "chat_template.jinja").write_text("<tool_call>")
    assert parse_folder(tmp_path).tool_call_parser == "hermes"
