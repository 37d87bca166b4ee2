"""Configurations in the shape of well-known public models, written from their published sizes, with known counts.

Each entry has the parameters that the model's tensors hold (`total`, as its hub page or report states them) and what
else is publicly known of it. Only what matters for parsing is kept of each configuration.
"""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class PublicModel:
    """A configuration and what is known to be true of it; 0 and "" mean that it is not compared.

    `active` contains the embeddings, which some authors leave out of theirs.
    """

    name: str
    config: Json
    total: float
    active: float = 0
    context: int = 0
    capabilities: tuple[str, ...] = ("TEXT_TO_TEXT",)
    kv_bytes_per_token: int = 0
    kind: str = ""
    files: Json = field(default_factory=dict)


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

DEEPSEEK_V3: Json = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "model_type": "deepseek_v3",
    "hidden_act": "silu",
    "hidden_size": 7168,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "num_hidden_layers": 61,
    "num_nextn_predict_layers": 1,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "moe_layer_freq": 1,
    "topk_method": "noaux_tc",
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "vocab_size": 129280,
    "max_position_embeddings": 163840,
    "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096},
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "quantization_config": {
        "activation_scheme": "dynamic",
        "fmt": "e4m3",
        "quant_method": "fp8",
        "weight_block_size": [128, 128],
    },
    "transformers_version": "4.33.1",
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
        "Mixtral-8x7B",
        {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_act": "silu", "hidden_size": 4096,
         "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
         "num_local_experts": 8, "num_experts_per_tok": 2, "max_position_embeddings": 32768, "sliding_window": None,
         "tie_word_embeddings": False, "vocab_size": 32000},
        46_702_792_704, active=12_879_925_248, context=32768,
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
        "Qwen3-30B-A3B",
        {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_act": "silu",
         "hidden_size": 2048, "intermediate_size": 6144, "moe_intermediate_size": 768, "num_attention_heads": 32,
         "num_hidden_layers": 48, "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128,
         "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [], "max_position_embeddings": 40960,
         "max_window_layers": 48, "sliding_window": None, "use_sliding_window": False, "tie_word_embeddings": False,
         "vocab_size": 151936},
        30_532_122_624, active=3_345_000_000, context=40960,
    ),
    PublicModel(
        "Qwen3-Next-80B-A3B",
        {"architectures": ["Qwen3NextForCausalLM"], "model_type": "qwen3_next", "hidden_act": "silu",
         "hidden_size": 2048, "intermediate_size": 5120, "moe_intermediate_size": 512,
         "shared_expert_intermediate_size": 512, "num_attention_heads": 16, "num_hidden_layers": 48,
         "num_key_value_heads": 2, "head_dim": 256, "num_experts": 512, "num_experts_per_tok": 10,
         "decoder_sparse_step": 1, "full_attention_interval": 4, "linear_conv_kernel_dim": 4,
         "linear_key_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
         "linear_value_head_dim": 128, "max_position_embeddings": 262144, "tie_word_embeddings": False,
         "vocab_size": 151936},
        79_674_391_296, context=262144, kind="hybrid", kv_bytes_per_token=24576,
    ),
    PublicModel(
        "DeepSeek-V3 (with its draft layer, as stored)",
        DEEPSEEK_V3,
        684_489_845_504, active=37_600_000_000, context=163840, kv_bytes_per_token=70272, kind="mla",
    ),
    PublicModel(
        "DeepSeek-V2-Lite",
        {"architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2", "hidden_act": "silu",
         "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 27,
         "num_attention_heads": 16, "num_key_value_heads": 16, "n_routed_experts": 64, "n_shared_experts": 2,
         "num_experts_per_tok": 6, "first_k_dense_replace": 1, "moe_layer_freq": 1, "q_lora_rank": None,
         "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
         "vocab_size": 102400, "max_position_embeddings": 163840,
         "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096},
         "tie_word_embeddings": False},
        15_706_484_224, active=2_660_000_000, context=163840, kind="mla",
    ),
    PublicModel(
        "Kimi-K2",
        {**DEEPSEEK_V3, "architectures": ["DeepseekV3ForCausalLM"], "model_type": "kimi_k2", "n_routed_experts": 384,
         "num_attention_heads": 64, "num_key_value_heads": 64, "first_k_dense_replace": 1,
         "num_nextn_predict_layers": 0, "vocab_size": 163840, "max_position_embeddings": 131072,
         "rope_scaling": {"type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096}},
        1_026_408_232_448, active=32_860_000_000, context=131072,
    ),
    PublicModel(
        "gpt-oss-20b",
        {"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "hidden_act": "silu", "hidden_size": 2880,
         "intermediate_size": 2880, "num_hidden_layers": 24, "num_attention_heads": 64, "num_key_value_heads": 8,
         "head_dim": 64, "num_local_experts": 32, "num_experts_per_tok": 4, "experts_per_token": 4,
         "attention_bias": True, "sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 12,
         "max_position_embeddings": 131072, "initial_context_length": 4096,
         "rope_scaling": {"rope_type": "yarn", "factor": 32.0, "original_max_position_embeddings": 4096},
         "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]},
         "tie_word_embeddings": False, "vocab_size": 201088},
        20_914_757_184, active=4_190_000_000, context=131072, kv_bytes_per_token=24576,
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
        "mamba-2.8b",
        {"architectures": ["MambaForCausalLM"], "model_type": "mamba", "hidden_size": 2560, "intermediate_size": 5120,
         "num_hidden_layers": 64, "state_size": 16, "conv_kernel": 4, "expand": 2, "time_step_rank": 160,
         "vocab_size": 50280},
        2_768_345_600, kind="none",
    ),
    PublicModel(
        "Jamba-v0.1",
        {"architectures": ["JambaForCausalLM"], "model_type": "jamba", "hidden_act": "silu", "hidden_size": 4096,
         "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 32,
         "attn_layer_period": 8, "attn_layer_offset": 4, "expert_layer_period": 2, "expert_layer_offset": 1,
         "num_experts": 16, "num_experts_per_tok": 2, "mamba_d_conv": 4, "mamba_d_state": 16, "mamba_dt_rank": 256,
         "mamba_expand": 2, "max_position_embeddings": 262144, "tie_word_embeddings": False, "vocab_size": 65536},
        51_570_323_328, active=12_110_000_000, context=262144, kind="hybrid", kv_bytes_per_token=16384,
    ),
    PublicModel(
        "Nemotron-H-8B",
        {"architectures": ["NemotronHForCausalLM"], "model_type": "nemotron_h", "hidden_size": 4096,
         "intermediate_size": 21504, "mlp_hidden_act": "relu2", "num_hidden_layers": 52, "num_attention_heads": 32,
         "num_key_value_heads": 8, "attention_head_dim": 128, "mamba_num_heads": 128, "mamba_head_dim": 64,
         "ssm_state_size": 128, "n_groups": 8, "conv_kernel": 4, "expand": 2,
         "hybrid_override_pattern": "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-",
         "max_position_embeddings": 8192, "tie_word_embeddings": False, "vocab_size": 131072},
        8_100_000_000, context=8192, kind="hybrid", kv_bytes_per_token=16384,
    ),
    PublicModel(
        "Llama-4-Scout",
        {"architectures": ["Llama4ForConditionalGeneration"], "model_type": "llama4",
         "text_config": {"model_type": "llama4_text", "hidden_act": "silu", "hidden_size": 5120,
                         "intermediate_size": 8192, "intermediate_size_mlp": 16384, "num_hidden_layers": 48,
                         "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128,
                         "num_local_experts": 16, "num_experts_per_tok": 1, "interleave_moe_layer_step": 1,
                         "attention_chunk_size": 8192, "no_rope_layers": [], "use_qk_norm": True,
                         "max_position_embeddings": 10485760, "tie_word_embeddings": False, "vocab_size": 202048},
         "vision_config": {"model_type": "llama4_vision_model", "hidden_act": "gelu", "hidden_size": 1408,
                           "image_size": 336, "intermediate_size": 5632, "num_attention_heads": 16,
                           "num_hidden_layers": 34, "patch_size": 14, "vision_output_dim": 4096}},
        108_641_793_536, active=17_990_000_000, context=10485760,
        capabilities=("IMAGE_TEXT_TO_TEXT", "TEXT_TO_TEXT"),
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
    PublicModel(
        "LFM2-1.2B",
        {"architectures": ["Lfm2ForCausalLM"], "model_type": "lfm2", "hidden_size": 2048, "intermediate_size": 12288,
         "block_ff_dim": 12288, "block_auto_adjust_ff_dim": True, "block_multiple_of": 256, "num_hidden_layers": 16,
         "block_ffn_dim_multiplier": 1.0, "num_attention_heads": 32, "num_key_value_heads": 8, "conv_L_cache": 3,
         "full_attn_idxs": [2, 5, 8, 10, 12, 14], "max_position_embeddings": 128000, "vocab_size": 65536},
        1_170_340_608, context=128000, kind="hybrid",
    ),
    PublicModel(
        "GLM-4.5-Air (with its draft layer, as stored)",
        {"architectures": ["Glm4MoeForCausalLM"], "model_type": "glm4_moe", "hidden_act": "silu", "hidden_size": 4096,
         "intermediate_size": 10944, "moe_intermediate_size": 1408, "num_hidden_layers": 46,
         "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128, "attention_bias": True,
         "n_routed_experts": 128, "n_shared_experts": 1, "num_experts_per_tok": 8, "first_k_dense_replace": 1,
         "num_nextn_predict_layers": 1, "max_position_embeddings": 131072, "tie_word_embeddings": False,
         "vocab_size": 151552},
        110_468_824_832, active=13_420_000_000, context=131072,
    ),
    PublicModel(
        "MiniMax-Text-01",
        {"architectures": ["MiniMaxText01ForCausalLM"], "model_type": "minimax_text_01", "hidden_act": "silu",
         "hidden_size": 6144, "intermediate_size": 9216, "num_hidden_layers": 80, "num_attention_heads": 64,
         "num_key_value_heads": 8, "head_dim": 128, "num_local_experts": 32, "num_experts_per_tok": 2,
         "attn_type_list": [0, 0, 0, 0, 0, 0, 0, 1] * 10, "shared_intermediate_size": 0,
         "max_position_embeddings": 10240000, "tie_word_embeddings": False, "vocab_size": 200064},
        456_089_655_296, active=48_400_000_000, context=10240000, kind="hybrid",
    ),
)  # fmt: skip
