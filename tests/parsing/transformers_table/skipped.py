"""Names of configuration values that no tensor depends on."""

import re
from typing import Final

COMMON: Final = (
    r"token_id|_id$|_ids$|token_index|dropout|drop_path|layerdrop|initializer|use_cache|^output_(?!.*(size|dim|channel))|"
    r"^return_|_name_or_path|dtype|transformers_version|loss|^mask_|problem_type|temperature|^chunk_size_feed|_coef$|"
    r"attn_implementation|experts_implementation|label2id|_prob$|^gradient"
)
"""What neither builds are varied by nor the table holds."""
SKIPPED: Final = re.compile(
    rf"{COMMON}|_token$|eps$|version|^pad_|^bos|^eos|^architectures$|theta|scaling|tokenizer|prefix|^name$|model_type|"
    r"rope_param|^id2label|generation|sub_configs|is_encoder_decoder|per_layer_config"
)
"""What no arithmetic is made of."""
