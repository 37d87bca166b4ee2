"""Names of configuration values that no tensor depends on."""

import re
from typing import Final

SKIPPED: Final = re.compile(
    r"token_id|_token$|_ids$|dropout|initializer|eps$|use_cache|^output_|^return_|_name_or_path|dtype|version|"
    r"problem_type|attn_implementation|label2id|^pad_|^bos|^eos|loss|experts_implementation|^architectures$|"
    r"chunk_size_feed|drop_path|layerdrop|^mask_|_prob$|theta|scaling|tokenizer|prefix|temperature|^gradient|^name$|"
    r"model_type|token_index|_id$|rope_param|^id2label|generation|_coef$|sub_configs|is_encoder_decoder|per_layer_config"
)
