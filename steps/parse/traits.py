"""What a model's class implies that its configuration need not say: defaults of sparse configurations, and shapes.

This is not a table of models: an unknown `model_type` has no entry and is parsed by the generic rules alone. The
defaults are those of transformers' configuration classes, which published files leave out.
"""

from collections.abc import Mapping
from typing import Final

_GEMMA: Final[Mapping[str, object]] = {"tie_word_embeddings": True}

DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "llama": {
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "intermediate_size": 11008,
        "vocab_size": 32000,
        "max_position_embeddings": 2048,
    },
    "mistral": {
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14336,
        "vocab_size": 32000,
    },
    "gemma2": {**_GEMMA, "sliding_window_pattern": 2},
    "gemma3_text": {
        **_GEMMA,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "vocab_size": 262208,
        "max_position_embeddings": 131072,
        "sliding_window_pattern": 6,
    },
    "cohere2": {"sliding_window_pattern": 4, "tie_word_embeddings": True},
    "siglip_vision_model": {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "patch_size": 16,
        "image_size": 224,
    },
    "clip_vision_model": {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "patch_size": 32,
        "image_size": 224,
    },
    "pixtral": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "patch_size": 16},
    "qwen2_vl_vision": {"hidden_size": 1280, "depth": 32, "mlp_ratio": 4, "patch_size": 14, "temporal_patch_size": 2},
    "mamba": {"state_size": 16, "expand": 2, "conv_kernel": 4},
    "mamba2": {"state_size": 128, "expand": 2, "conv_kernel": 4, "n_groups": 8, "head_dim": 64},
}

TIED: Final = frozenset(
    {"gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text", "gemma4", "gemma4_text", "gpt2", "opt",
     "bloom", "falcon", "mpt", "t5", "bert", "roberta", "xlm-roberta", "distilbert", "albert", "electra", "deberta",
     "deberta-v2", "mpnet", "nomic_bert", "new", "modernbert", "cohere", "cohere2", "whisper", "bart", "mbart",
     "mamba", "mamba2", "falcon_mamba", "gpt_bigcode", "starcoder2", "ctrl", "xglm", "gpt_neo", "lfm2", "lfm2_moe",
     "openai-gpt", "gpt-sw3", "vaultgemma", "gemma4_unified_text", "biogpt", "recurrent_gemma"}
)  # fmt: skip
"""Types whose output head is the embedding unless the configuration says otherwise."""

NOT_GATED: Final = frozenset(
    {"gpt2", "gptj", "gpt_neo", "gpt_neox", "gpt_bigcode", "opt", "bloom", "falcon", "mpt", "phi", "starcoder2",
     "bert", "roberta", "xlm-roberta", "distilbert", "albert", "electra", "deberta", "deberta-v2", "mpnet", "whisper",
     "bart", "mbart", "codegen", "xglm", "ctrl", "openai-gpt", "gpt-sw3", "biogpt", "jais2", "gpt_neox_japanese",
     "nemotron", "nemotron_h", "persimmon", "arcee", "apertus", "vit", "clip_vision_model", "siglip_vision_model",
     "wav2vec2", "hubert"}
)  # fmt: skip

GATED: Final = frozenset(
    {"gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text", "gemma4", "gemma4_text", "modernbert",
     "nomic_bert", "new", "stablelm", "phi3", "phimoe", "qwen", "internlm2", "chatglm", "dbrx", "pixtral", "mistral3",
     "lfm2", "lfm2_moe", "glm", "glm4", "granite", "vaultgemma", "gemma4_unified_text", "bitnet", "gte",
     "modernbert-decoder", "neobert", "granitemoehybrid", "recurrent_gemma"}
)  # fmt: skip

NO_GATE_ACTIVATIONS: Final = frozenset(
    {"gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "quick_gelu", "relu", "relu2", "relu_squared", "xielu"}
)  # fmt: skip
"""Activations that plain MLPs use; SiLU and its kin are used behind gates."""

QKV_BIAS: Final = frozenset(
    {"qwen", "qwen2", "qwen2_moe", "qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text", "gpt2", "gpt_neox",
     "gpt_bigcode", "opt", "bloom", "phi", "starcoder2", "bert", "roberta", "xlm-roberta", "distilbert", "albert",
     "electra", "mpnet", "whisper", "bart", "chatglm", "gpt_oss", "xglm", "ctrl", "openai-gpt", "gpt-sw3", "gte",
     "biogpt", "jais2", "persimmon"}
)  # fmt: skip

ALL_BIASES: Final = frozenset(
    {"gpt2", "gpt_neox", "gpt_bigcode", "opt", "bloom", "phi", "starcoder2", "bert", "roberta", "xlm-roberta",
     "distilbert", "albert", "electra", "mpnet", "whisper", "bart", "gpt_oss", "xglm", "ctrl", "openai-gpt",
     "gpt-sw3", "biogpt", "jais2", "persimmon"}
)  # fmt: skip
"""Types with a bias on every projection, and on their norms."""

LEARNED_POSITIONS: Final = frozenset(
    {"openai-gpt", "gpt-sw3", "biogpt", "gpt2", "gpt_neo", "gpt_bigcode", "opt", "bert", "roberta", "xlm-roberta",
     "distilbert", "albert", "electra", "mpnet", "bart", "mbart"}
)  # fmt: skip

GATED_ATTENTION: Final = frozenset(
    {"qwen3_next", "qwen3_5_text", "qwen3_5_moe_text", "qwen4_exp_text", "afmoe", "beam"}
)  # fmt: skip
"""Types whose attention multiplies its output by a gate as wide as the queries."""

FOUR_NORMS: Final = frozenset(
    {"gemma4_unified_text", "afmoe", "gemma2", "gemma3", "gemma3_text", "gemma3n_text", "gemma4_text", "glm4"}
)  # fmt: skip

ENCODERS: Final = frozenset(
    {"bert", "roberta", "xlm-roberta", "distilbert", "albert", "electra", "deberta", "deberta-v2", "mpnet",
     "nomic_bert", "new", "modernbert", "camembert", "eurobert", "vit", "clip", "siglip"}
)  # fmt: skip
"""Types without a KV cache: they read a text at once."""

BERT_LIKE: Final = frozenset(
    {"bert", "roberta", "xlm-roberta", "distilbert", "albert", "electra", "deberta", "deberta-v2", "mpnet",
     "camembert", "data2vec-text", "ernie", "ibert", "layoutlm", "lilt", "markuplm", "mra", "nystromformer", "yoso",
     "roberta-prelayernorm", "xmod", "roc_bert", "roformer", "squeezebert", "megatron-bert", "bert-generation",
     "big_bird", "xlm-roberta-xl", "rembert", "esm", "tapas", "luke", "jina_embeddings_v3", "blip_text_model",
     "chinese_clip_text_model", "layoutlmv3", "fnet", "longformer", "convbert"}
)  # fmt: skip
"""Encoders with biases on every projection and norm, one norm after the embeddings and none after the layers."""
