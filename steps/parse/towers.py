"""Parameters of vision and audio towers beside a language model, and of what leads from them to it.

A tower is an entrance (patches or mel bands, positions), layers and an exit; a projector follows. What a
configuration does not say of a tower is in TOWERS, by the section's own model type; a section of an unknown type is
read by the habits of its activation: SiLU towers are gated with root-mean-square norms and no biases, others are plain
with layer norms and biases.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from steps.parse.config import LAYERS, Config
from steps.parse.notation import parameters_of
from steps.parse.traits import NO_GATE_ACTIVATIONS

_DEPTHS: Final = ("depth", "encoder_layers", "n_layers_vision", "num_encoder_layers")
_HIDDEN: Final = ("hidden_size", "embed_dim", "d_model", "width", "dim")
_HEAD: Final = "v v>q+ v>v+ ln:v v>i+ i>v+"  # a probe that attends, then a feed-forward part (SigLIP)


@dataclass(frozen=True)
class Tower:
    """What a tower has that its configuration need not say.

    Attributes:
        gated: Whether its feed-forward part multiplies by a gate.
        norm: Vectors of one norm: 2 with a bias, 1 without.
        query_bias, key_bias, out_bias: Whether the projections have biases; query_bias is the values' too.
        mlp_bias: Whether the feed-forward part has.
        patch_bias: Whether the entrance has.
        positions: Whether there is a table of learned positions.
        tokens: Positions beside the patches: 1 for a class token.
        before, after: Norms around the layers.
        vectors: Further vectors of the tower's width in each layer, such as layer scale.
        norms: Norms in each layer.
        head: Terms of a pooling head.
    """

    gated: bool = False
    norm: int = 2
    query_bias: bool = True
    key_bias: bool = True
    out_bias: bool = True
    mlp_bias: bool = True
    patch_bias: bool = True
    positions: bool = True
    tokens: int = 0
    before: int = 0
    after: int = 1
    vectors: int = 0
    norms: int = 2
    head: str = ""


_PLAIN: Final = Tower()
_CLIP: Final = Tower(patch_bias=False, tokens=1, before=1)
_LLAMA_LIKE: Final = Tower(
    gated=True, norm=1, query_bias=False, key_bias=False, out_bias=False, mlp_bias=False, patch_bias=False,
    positions=False, before=1, after=0,
)  # fmt: skip
_QWEN: Final = Tower(patch_bias=False, positions=False, after=0)
_GATED_QWEN: Final = replace(_QWEN, gated=True, norm=1)
_VIT: Final = Tower(tokens=1)
_WHISPER: Final = Tower(key_bias=False)

TOWERS: Final[Mapping[str, Tower]] = {
    "siglip_vision_model": replace(_PLAIN, head=_HEAD), "siglip2_vision_model": replace(_PLAIN, head=_HEAD),
    "idefics3_vision": _PLAIN, "idefics2_vision": _PLAIN, "idefics2": _PLAIN, "idefics3": _PLAIN,
    "smolvlm_vision": _PLAIN, "minicpmv4_6_vision": _PLAIN, "paddleocr_vl_vision": _PLAIN,
    "video_llama_3_vision": replace(_PLAIN, positions=False), "moonvit": _PLAIN, "kimi_k25_vision": _PLAIN,
    "clip_vision_model": _CLIP, "chinese_clip_vision_model": _CLIP, "altclip_vision_model": _CLIP,
    "metaclip_2_vision_model": _CLIP, "clipseg_vision_model": _CLIP, "idefics_vision": _CLIP, "idefics": _CLIP,
    "git_vision_model": _CLIP, "kosmos_2_vision_model": _CLIP, "llama4_vision_model": _CLIP,
    "pixtral": _LLAMA_LIKE,
    "ovis2_vision": Tower(gated=True, norm=1, query_bias=False, key_bias=False, out_bias=False, mlp_bias=False,
                          before=1),
    "aimv2_vision_model": Tower(gated=True, norm=1, query_bias=False, key_bias=False, out_bias=False, mlp_bias=False,
                                before=1),
    "qwen2_vl": _QWEN, "qwen2_vl_vision": _QWEN, "ernie4_5_vl_moe_vision": replace(_QWEN, after=1),
    "qwen2_5_vl": _GATED_QWEN, "qwen2_5_vl_vision": _GATED_QWEN, "qwen2_5_omni_vision_encoder": _GATED_QWEN,
    "qwen3_vl": replace(_PLAIN, after=0), "qwen3_vl_vision": replace(_PLAIN, after=0),
    "qwen3_vl_moe": replace(_PLAIN, after=0), "qwen3_vl_moe_vision": replace(_PLAIN, after=0),
    "qwen3_5": replace(_PLAIN, after=0), "qwen3_5_vision": replace(_PLAIN, after=0),
    "qwen3_5_moe": replace(_PLAIN, after=0), "qwen3_5_moe_vision": replace(_PLAIN, after=0),
    "qwen3_omni_moe_vision_encoder": replace(_PLAIN, after=0),
    "glm4v_vision": Tower(gated=True, norm=1, query_bias=False, key_bias=False, out_bias=False, mlp_bias=False,
                          before=1),
    "glm4v_moe_vision": Tower(gated=True, norm=1, query_bias=False, key_bias=False, out_bias=False, mlp_bias=False,
                              before=1),
    "mllama_vision_model": Tower(query_bias=False, key_bias=False, out_bias=False, patch_bias=False, tokens=1,
                                 before=1),
    "exaone4_5_vision": _GATED_QWEN, "step3p5_vision": Tower(patch_bias=False, before=1, after=0, vectors=2),
    "minicpmv4_7_vision": _PLAIN, "minicpm_ocr_vision": _PLAIN,
    "qwen3_asr_encoder": replace(_WHISPER, positions=False, key_bias=True),
    "qwen3_omni_moe_audio_encoder": replace(_WHISPER, positions=False, key_bias=True),
    "glm46v_vision": Tower(gated=True, norm=1, query_bias=False, key_bias=False, out_bias=False, mlp_bias=False,
                           before=1),
    "glm_ocr_vision": Tower(gated=True, norm=1, positions=False),
    "internvl_vision": Tower(query_bias=False, key_bias=False, tokens=1, after=0, vectors=2),
    "intern_vit_6b": Tower(tokens=1, after=0, vectors=2),
    "blip_vision_model": _VIT, "blip_2_vision_model": _VIT, "instructblip_vision_model": _VIT,
    "instructblipvideo_vision_model": _VIT, "janus_vision_model": _PLAIN,
    "gemma4_vision": Tower(gated=True, norm=1, query_bias=False, key_bias=False, out_bias=False, mlp_bias=False,
                           patch_bias=False, after=0, norms=4),
    "whisper": _WHISPER, "qwen2_audio_encoder": _WHISPER, "voxtral_encoder": _WHISPER,
    "audioflamingo3_encoder": _WHISPER, "glmasr_encoder": replace(_WHISPER, positions=False),
    "qwen2_5_omni_audio_encoder": replace(_WHISPER, positions=False),
}  # fmt: skip

_CONVOLVED: Final = "256*v 9*256*256 1024 9*256*512 9*512*1024 1024>t+"
_MINICPM: Final = "v>v+ v>v+ v>v+ v>v+ ln:v ln:4*v 4*v>16*v+ 16*v>v+ ln:4*v 4*v>4*v+ 4*v>t+"
PROJECTORS: Final[Mapping[str, str]] = {
    "llava": "v>t+ t>t+", "llava_next": "t v>t+ t>t+", "llava_next_video": "t v>t+ t>t+",
    "llava_onevision": "t v>t+ t>t+", "deepseek_vl": "v>t+ t>t+", "video_llava": "v>t+ t>t+",
    "vipllava": "ln:5*v 5*v>t+ t>t+", "video_llama_3": "v>t+ t>t+",
    "mistral3": "v m>v v>t t>t", "lighton_ocr": "v m>v v>t t>t",
    "qwen2_vl": "ln:v m>m+ m>o+", "qwen2_5_vl": "v m>m+ m>o+", "qwen2_5_omni_thinker": "v m>m+ m>o+ 2*o",
    "qwen3_vl": "ln:v m>m+ m>o+", "qwen3_vl_moe": "ln:v m>m+ m>o+", "qwen3_5": "ln:v m>m+ m>o+",
    "qwen3_5_moe": "ln:v m>m+ m>o+", "paddleocr_vl": "ln:v m>m+ m>t+",
    "glm4v": "m>o+ o>o ln:o o>w o>w w>o", "glm4v_moe": "m>o+ o>o ln:o o>w o>w w>o",
    "glm46v": "m>o+ o>o ln:o o>w o>w w>o",
    "internvl": "ln:m m>t+ t>t+", "internvl_chat": "ln:m m>t+ t>t+", "qianfan_ocr": "ln:m m>t+ t>t+",
    "idefics3": "m>t", "smolvlm": "m>t", "granite_docling": "m>t", "modernvbert": "m>t",
    "gemma3": "v>t v", "paligemma": "v>t+", "colpali": "v>t+ t>e+", "shieldgemma2": "v>t v", "gemma4": "v>t",
    "kimi_k25": "ln:v m>m+ m>t+", "kimi_vl": "ln:v m>m+ m>t+", "ovis2": "v>u ln:u x*r",
    "cohere2_vision": "m>a+ b>t+", "aya_vision": "ln:m m>a+ b>t+",
    "lfm2_vl": "ln:m m>p+ p>t+", "llama4": "m>d d>d d>t", "qwen2_audio": "v>t+", "ultravox": "v>t",
    "glm_ocr": "m>o+ o>o ln:o o>3*o o>3*o 3*o>o", "mllama": "d>t+",
    "got_ocr2": _CONVOLVED, "pp_chart2table": _CONVOLVED,
    "voxtral": "k>t t>t", "glmasr": "k>2*t+ 2*t>t+", "qwen3_asr": "v>v+ v>y+",
    "qwen3_omni_moe_thinker": "ln:v m>m+ m>o+",
    "exaone4_5": "v m>m+ m>o+", "hyperclovax_vision_v2": "v m>m+ m>o+ o>t+",
    "step3p7": "9*v>2*v+ 18*v>4*v+ 4*v>t", "audioflamingo3": "v>t+ t>t+",
    "idefics2": "v>f v>f f>t 64*t 3*t*1536 3*2*t*384 3*1536*t 3*3*4*t*t 3*3*t t", "minicpmv4_6": _MINICPM,
    "minicpmv4_7": _MINICPM, "minicpm_ocr": _MINICPM,
    "ernie4_5_vl_moe": "m>m+ m>m+ ln:m 2*m>m+ m>m+ ln:m m>t+ t",
}  # fmt: skip
"""What leads from the tower (v wide, m with merged patches) to the language model (t wide), by the root's type."""


def tower_parameters(tower: Config, text_hidden: int, root: Config | None = None) -> int:
    """A vision or audio transformer with its entrance, its exit and its projection to the language model.

    Args:
        tower: The section that describes it.
        text_hidden: Width of the language model.
        root: The whole configuration, which tells how the projection is made.
    """
    hidden = _width(tower)
    return encoder_parameters(tower) + _projection(tower, hidden, text_hidden, root)


def encoder_parameters(tower: Config) -> int:
    """A tower alone."""
    traits, hidden = _traits(tower), _width(tower)
    layers = tower.integer(*LAYERS) or tower.integer(*_DEPTHS)
    width = _feed_width(tower, hidden)
    heads = tower.integer("num_attention_heads", "num_heads", "encoder_attention_heads", "attention_heads")
    kv_heads = min(tower.integer("num_key_value_heads") or heads, heads)
    inner = hidden
    attention = 2 * hidden * inner + 2 * hidden * (hidden * kv_heads // heads if heads else inner)
    attention += inner * (2 * traits.query_bias + traits.key_bias) + hidden * traits.out_bias
    feed = (3 if traits.gated else 2) * hidden * width
    feed += (width * (2 if traits.gated else 1) + hidden) * traits.mlp_bias
    block = attention + feed + (traits.norms * traits.norm + traits.vectors) * hidden
    around = (traits.before + traits.after) * traits.norm * hidden
    head = parameters_of(traits.head, {"v": hidden, "q": 3 * hidden, "i": width}) if traits.head else 0
    if not tower.flag("vision_use_head", default=True):
        head = 0
    layers += tower.integer("num_global_layers")
    return layers * block + _entrance(tower, traits, hidden) + around + head + _tiles(tower, hidden)


def _tiles(tower: Config, hidden: int) -> int:
    """Tables for images cut into tiles: one for each aspect ratio (Llama 3.2's vision)."""
    ratios = len(tower.items("supported_aspect_ratios"))
    if not ratios or not tower.has("max_num_tiles"):
        return 0
    patches = _positions(tower, tower.integer("patch_size", default=14)) + 1
    sizes = {"r": ratios + 1, "n": tower.integer("max_num_tiles"), "p": patches, "v": hidden}
    return parameters_of("r*n*p*v r*n*v r*n*v", sizes)


def _traits(tower: Config) -> Tower:
    known = TOWERS.get(tower.text("model_type"))
    if known is None:
        activation = tower.text("hidden_act", "activation_function", "hidden_activation").lower()
        gated = bool(activation) and activation not in NO_GATE_ACTIVATIONS
        known = replace(_PLAIN, gated=gated) if not tower.has("rms_norm_eps") else replace(_LLAMA_LIKE, after=1)
        if tower.has("num_mel_bins"):
            known = _WHISPER
    if tower.has("attention_bias"):
        known = replace(known, query_bias=tower.flag("attention_bias"), key_bias=tower.flag("attention_bias"))
        if known.norm == 1:
            known = replace(known, out_bias=tower.flag("attention_bias"), mlp_bias=tower.flag("attention_bias"))
    if tower.has("qkv_bias"):
        known = replace(known, query_bias=tower.flag("qkv_bias"), key_bias=tower.flag("qkv_bias"))
    return known


def _width(tower: Config) -> int:
    if tower.has("embed_dim") and tower.has("depth"):
        return tower.integer("embed_dim")  # Qwen2-VL: here hidden_size is the language model's
    return tower.integer(*_HIDDEN)


def _feed_width(tower: Config, hidden: int) -> int:
    if tower.text("model_type") in ("glm4v_vision", "glm4v_moe_vision", "glm46v_vision"):
        return tower.integer("out_hidden_size")  # there intermediate_size is the merger's
    width = tower.integer("intermediate_size", "encoder_ffn_dim", "mlp_dim")
    return width or int(tower.number("mlp_ratio", default=4) * hidden)


def _entrance(tower: Config, traits: Tower, hidden: int) -> int:
    mels = tower.integer("num_mel_bins")
    if mels and (
        wide := tower.integer("downsample_hidden_size")
    ):  # three convolutions of stride 2, over time and bands
        bands = -(-mels // 8)
        return parameters_of("9>d+ 9*d>d+ 9*d>d+ b*d>h", {"d": wide, "b": bands, "h": hidden})
    if mels:
        positions = tower.integer("max_source_positions", default=1500) if traits.positions else 0
        return 3 * mels * hidden + 3 * hidden * hidden + 2 * hidden + positions * hidden
    if tower.has("vocab_size", "max_position_embeddings") and not tower.has("patch_size", "image_size"):
        return tower.integer("max_position_embeddings", default=77) * hidden  # the text's half of two towers
    patch = tower.integer("patch_size", "spatial_patch_size", default=14)
    if not patch and (sizes := tower.integers("patch_size")):
        patch = sizes[0]
    channels = tower.integer("num_channels", "in_channels", "in_chans", default=3)
    frames = tower.integer("temporal_patch_size", default=1)
    entrance = hidden * (channels * patch * patch * frames + traits.patch_bias)
    return entrance + (_positions(tower, patch) + 2 * traits.tokens) * hidden if traits.positions else entrance


def _positions(tower: Config, patch: int) -> int:
    if stated := tower.integer("num_position_embeddings", "num_patches", "max_position_embeddings"):
        return stated
    if table := tower.integer("position_embedding_size"):
        return 2 * table
    if height := tower.integer("pos_emb_height", "init_pos_emb_height"):
        return height * tower.integer("pos_emb_width", "init_pos_emb_width", default=height)
    image = tower.integer("image_size")
    if not image and (sizes := tower.integers("image_size")):
        image = sizes[0]
    return (image // patch) ** 2 if patch and image else 0


def _projection(tower: Config, hidden: int, text_hidden: int, root: Config | None) -> int:
    kind = root.text("model_type") if root is not None else ""
    whole = root if root is not None else tower
    merge = tower.integer("spatial_merge_size", default=1) if tower.has("spatial_merge_size") else 1
    if merge <= 1:
        merge = whole.integer("spatial_merge_size", "scale_factor", "downsample_factor", default=1)
    ratio = whole.number("downsample_ratio", default=tower.number("pixel_shuffle_ratio"))
    if 0.01 < ratio < 1:
        merge = round(1 / ratio)
    out = tower.integer("out_hidden_size") or text_hidden
    text = whole.section("text_config")
    text_width = text.integer("intermediate_size") if text is not None else 0
    merged = merge * merge * hidden
    sizes = {
        "v": hidden, "t": text_hidden, "m": merged, "o": out, "w": tower.integer("intermediate_size"),
        "a": whole.integer("alignment_intermediate_size"), "b": whole.integer("alignment_intermediate_size") // 2,
        "p": whole.integer("projector_hidden_size"), "d": tower.integer("projector_output_dim", "vision_output_dim"),
        "e": whole.integer("embedding_dim", default=128), "f": text_width or text_hidden * 7 // 2,
        "k": whole.integer("audio_config_intermediate_size") or tower.integer("intermediate_size"),
        "u": tower.integer("vocab_size") - tower.integer("num_visual_indicator_tokens", default=5),
        "x": tower.integer("vocab_size"), "r": whole.integer("hidden_size"),
        "y": tower.integer("output_dim", default=3584),
    }  # fmt: skip
    if whole.has("qformer_config"):
        return 0
    known = PROJECTORS.get(kind, "")
    if not known and tower.has("out_hidden_size"):  # the tower's own last part, whatever model it is in
        known = PROJECTORS.get(tower.text("model_type").removesuffix("_vision"), "")
    notation = known or ("ln:v m>m+ m>o+" if merge > 1 else "v>t+ t>t+")
    if whole.has("multimodal_projector_bias") and not whole.flag("multimodal_projector_bias"):
        notation = notation.replace("+", "")
    deep = tower.items("deepstack_visual_indexes")
    return parameters_of(notation, sizes) + len(deep) * parameters_of("ln:m m>m+ m>o+", sizes)
