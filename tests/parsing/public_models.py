"""Configurations in the shape of well-known public models, written from their published sizes, with known counts.

Each entry has the parameters that the model's tensors hold (`total`, as its hub page or report states them) and what
else is publicly known of it. Only what matters for parsing is kept of each configuration.

The totals were looked up in November 2026 in what public repositories quote, to the parameter, from the hub's metadata
of safetensors or from a loaded model. Not found were those of starcoder2-3b, Jamba-v0.1 and InternVL3-8B, which are
what the published sizes add up to, and of Nemotron-H-8B, which is rounded. The hub's own total is larger where more is
stored: 7_217_189_760 for falcon-7b, with an output head; 6_738_417_664 for Llama-2-7b, with rotary frequencies;
684_531_386_000 for DeepSeek-V3 and 1_026_408_235_864 for Kimi-K2, with scales; 81_324_862_720 for Qwen3-Next, with a
draft layer. Active parameters and most configurations were written from reports and have not been compared again; the
sizes of thirteen language models agree with the copies in debaditc/kvfit (src/kvfit/data/models.json).
"""

from typing import Any

from tests.parsing.public_model import Json, PublicModel
from tests.parsing.public_sparse_models import SPARSE_MODELS
from tests.parsing.public_vision_models import VISION_MODELS


def _llama(**sizes: Any) -> Json:  # noqa: ANN401
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.45.0",
        **sizes,
    }


LLAMA3_ROPE = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}

MODELS: tuple[PublicModel, ...] = (
    PublicModel(
        "Llama-3.1-8B",
        _llama(hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8,
               intermediate_size=14336, vocab_size=128256, max_position_embeddings=131072, rope_scaling=LLAMA3_ROPE),
        8_030_261_248, context=131072, kv_bytes_per_token=131072, kind="gqa",
    ),
    PublicModel(
        "Llama-3.2-1B",
        _llama(hidden_size=2048, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8, head_dim=64,
               intermediate_size=8192, vocab_size=128256, max_position_embeddings=131072, tie_word_embeddings=True),
        1_235_814_400, context=131072,
    ),
    PublicModel(
        "Llama-3.1-405B",
        _llama(hidden_size=16384, num_hidden_layers=126, num_attention_heads=128, num_key_value_heads=8,
               intermediate_size=53248, vocab_size=128256, max_position_embeddings=131072),
        405_853_388_800, context=131072,
    ),
    PublicModel(
        "Llama-2-7b (sizes of old files)",
        _llama(hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, intermediate_size=11008,
               vocab_size=32000, max_position_embeddings=4096),
        6_738_415_616, context=4096, kind="mha",
    ),
    PublicModel(
        "SmolLM2-135M",
        _llama(hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
               intermediate_size=1536, vocab_size=49152, max_position_embeddings=8192, tie_word_embeddings=True),
        134_515_008, context=8192,
    ),
    PublicModel(
        "Mistral-7B-v0.3",
        {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_act": "silu", "hidden_size": 4096,
         "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
         "max_position_embeddings": 32768, "sliding_window": None, "tie_word_embeddings": False, "vocab_size": 32768},
        7_248_023_552, context=32768,
    ),
    PublicModel(
        "Qwen2.5-7B",
        {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "hidden_size": 3584,
         "intermediate_size": 18944, "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
         "max_position_embeddings": 131072, "max_window_layers": 28, "sliding_window": 131072,
         "use_sliding_window": False, "tie_word_embeddings": False, "vocab_size": 152064},
        7_615_616_512, context=131072,
    ),
    PublicModel(
        "Qwen3-0.6B",
        {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_act": "silu", "hidden_size": 1024,
         "intermediate_size": 3072, "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8,
         "head_dim": 128, "attention_bias": False, "max_position_embeddings": 40960, "max_window_layers": 28,
         "sliding_window": None, "use_sliding_window": False, "tie_word_embeddings": True, "vocab_size": 151936},
        596_049_920, context=40960, kv_bytes_per_token=114688,
    ),
    PublicModel(
        "gemma-2-2b",
        {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "hidden_act": "gelu_pytorch_tanh",
         "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304, "intermediate_size": 9216,
         "num_attention_heads": 8, "num_hidden_layers": 26, "num_key_value_heads": 4, "head_dim": 256,
         "sliding_window": 4096, "max_position_embeddings": 8192, "vocab_size": 256000},
        2_614_341_888, context=8192,
    ),
    PublicModel(
        "gemma-3-4b (a sparse configuration)",
        {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3",
         "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text",
                         "num_hidden_layers": 34, "sliding_window": 1024,
                         "rope_scaling": {"factor": 8.0, "rope_type": "linear"}},
         "vision_config": {"hidden_size": 1152, "image_size": 896, "intermediate_size": 4304,
                           "model_type": "siglip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 27,
                           "patch_size": 14}},
        4_300_079_472, context=131072, capabilities=("IMAGE_TEXT_TO_TEXT", "TEXT_TO_TEXT"),
    ),
    PublicModel(
        "Phi-3-mini-4k",
        {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_act": "silu", "hidden_size": 3072,
         "intermediate_size": 8192, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
         "max_position_embeddings": 4096, "sliding_window": 2047, "tie_word_embeddings": False, "vocab_size": 32064},
        3_821_079_552, context=4096,
    ),
    PublicModel(
        "Phi-3-mini-128k",
        {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_act": "silu", "hidden_size": 3072,
         "intermediate_size": 8192, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
         "max_position_embeddings": 131072, "original_max_position_embeddings": 4096, "sliding_window": 262144,
         "rope_scaling": {"type": "longrope", "long_factor": [1.0], "short_factor": [1.0]},
         "tie_word_embeddings": False, "vocab_size": 32064},
        3_821_079_552, context=131072,
    ),
    PublicModel(
        "gpt2",
        {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new",
         "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257},
        124_439_808, context=1024,
    ),
    PublicModel(
        "opt-1.3b",
        {"architectures": ["OPTForCausalLM"], "model_type": "opt", "activation_function": "relu", "hidden_size": 2048,
         "ffn_dim": 8192, "num_attention_heads": 32, "num_hidden_layers": 24, "max_position_embeddings": 2048,
         "word_embed_proj_dim": 2048, "vocab_size": 50272},
        1_315_758_080, context=2048,
    ),
    PublicModel(
        "falcon-7b",
        {"architectures": ["FalconForCausalLM"], "model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32,
         "num_attention_heads": 71, "num_kv_heads": 71, "multi_query": True, "new_decoder_architecture": False,
         "parallel_attn": True, "bias": False, "vocab_size": 65024, "max_position_embeddings": 2048},
        6_921_720_704, context=2048, kind="mqa",
    ),
    PublicModel(
        "starcoder2-3b",
        {"architectures": ["Starcoder2ForCausalLM"], "model_type": "starcoder2", "hidden_act": "gelu_pytorch_tanh",
         "hidden_size": 3072, "intermediate_size": 12288, "num_attention_heads": 24, "num_hidden_layers": 30,
         "num_key_value_heads": 2, "sliding_window": 4096, "max_position_embeddings": 16384, "use_bias": True,
         "vocab_size": 49152},
        3_030_371_328, context=16384,
    ),
    PublicModel(
        "Qwen2.5-VL-7B",
        {"architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl", "hidden_act": "silu",
         "hidden_size": 3584, "intermediate_size": 18944, "num_attention_heads": 28, "num_hidden_layers": 28,
         "num_key_value_heads": 4, "max_position_embeddings": 128000, "tie_word_embeddings": False,
         "sliding_window": 32768, "use_sliding_window": False, "max_window_layers": 28,
         "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "vocab_size": 152064,
         "vision_config": {"depth": 32, "hidden_act": "silu", "hidden_size": 1280, "intermediate_size": 3420,
                           "num_heads": 16, "in_chans": 3, "out_hidden_size": 3584, "patch_size": 14,
                           "spatial_merge_size": 2, "spatial_patch_size": 14, "temporal_patch_size": 2,
                           "model_type": "qwen2_5_vl"}},
        8_292_166_656, context=128000, capabilities=("IMAGE_TEXT_TO_TEXT", "TEXT_TO_TEXT"),
    ),
    PublicModel(
        "whisper-large-v3",
        {"architectures": ["WhisperForConditionalGeneration"], "model_type": "whisper", "is_encoder_decoder": True,
         "activation_function": "gelu", "d_model": 1280, "encoder_layers": 32, "decoder_layers": 32,
         "encoder_attention_heads": 20, "decoder_attention_heads": 20, "encoder_ffn_dim": 5120,
         "decoder_ffn_dim": 5120, "num_hidden_layers": 32, "num_mel_bins": 128, "max_source_positions": 1500,
         "max_target_positions": 448, "vocab_size": 51866},
        1_543_490_560, context=448, capabilities=("AUDIO_TO_TEXT", "AUDIO_TRANSLATION"),
    ),
    PublicModel(
        "flan-t5-base",
        {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "is_encoder_decoder": True,
         "d_model": 768, "d_kv": 64, "d_ff": 2048, "num_heads": 12, "num_layers": 12, "num_decoder_layers": 12,
         "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "n_positions": 512, "vocab_size": 32128},
        247_577_856, context=512,
    ),
    PublicModel(
        "all-MiniLM-L6-v2",
        {"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": 384,
         "intermediate_size": 1536, "num_attention_heads": 12, "num_hidden_layers": 6, "type_vocab_size": 2,
         "max_position_embeddings": 512, "vocab_size": 30522},
        22_713_216, context=512, capabilities=("EMBEDDING",),
    ),
    PublicModel(
        "bge-reranker-v2-m3",
        {"architectures": ["XLMRobertaForSequenceClassification"], "model_type": "xlm-roberta", "hidden_act": "gelu",
         "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16, "num_hidden_layers": 24,
         "id2label": {"0": "LABEL_0"}, "type_vocab_size": 1, "max_position_embeddings": 8194, "vocab_size": 250002},
        567_755_777, context=8192, capabilities=("RERANK",),
    ),
    PublicModel(
        "e5-mistral-7b",
        {"architectures": ["MistralModel"], "model_type": "mistral", "hidden_act": "silu", "hidden_size": 4096,
         "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
         "max_position_embeddings": 32768, "sliding_window": 4096, "tie_word_embeddings": False, "vocab_size": 32000},
        7_110_660_096, context=32768, capabilities=("EMBEDDING",),
    ),
    *SPARSE_MODELS,
    *VISION_MODELS,
)  # fmt: skip
