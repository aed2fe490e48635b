package dev.sfumato.cli;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Model.CommandSpec;

/** Names from diffusers and from kohya's scripts of what options here do. */
final class ScriptNames {
  /** Each line is an option and the words that mean it elsewhere. */
  private static final String TABLE =
      """
      --model pretrained-model-name-or-path pretrained-model ckpt checkpoint
      --vae pretrained-vae-model-name-or-path
      --data train-data-dir instance-data-dir dataset-name dataset in-json
      --output output-dir
      --out output outfile o
      --out-dir outdir output-dir
      --batch-size train-batch-size
      --max-steps max-train-steps
      --epochs num-train-epochs max-train-epochs num-epochs
      --precision mixed-precision
      --lora-rank rank network-dim
      --lora-alpha network-alpha
      --lora-dropout network-dropout
      --lora network-weights lora-weights
      --method network-module
      --checkpoint-every checkpointing-steps save-every-n-steps save-every-n-epochs
      --checkpoints-keep checkpoints-total-limit save-last-n-steps
      --resume resume-from-checkpoint
      --log report-to log-with
      --flip random-flip flip-aug
      --class-data class-data-dir reg-data-dir
      --class-prompt with-prior-preservation
      --class-count num-class-images
      --prior-weight prior-loss-weight
      --sample-count num-validation-images
      --sample-every validation-epochs validation-steps sample-every-n-steps
      --validation-prompt sample-prompts
      --text-encoder-learning-rate text-encoder-lr
      --learning-rate unet-lr lr
      --vectors num-vectors
      --optimizer optimizer-type
      --caption-dropout caption-dropout-rate proportion-empty-prompts
      --shuffle-tags shuffle-caption
      --buckets enable-bucket
      --snr-gamma min-snr-gamma
      --data-threads dataloader-num-workers max-data-loader-n-workers num-workers
      --steps num-inference-steps ddim-steps
      --count num-images-per-prompt num-images n-samples images-per-prompt
      --init-image image init-img
      --mask mask-image
      --guidance-scale cfg-scale cfg
      --negative-prompt n
      --prompt p
      --prompts from-file
      --scheduler sampler sampling-method noise-scheduler
      --height h
      --width w
      """;

  private ScriptNames() {}

  static Stream<List<String>> rows() {
    return TABLE.lines().map(line -> List.of(line.split(" ")));
  }

  /** Returns the option of a command that a name from elsewhere means, if there is one. */
  static Optional<String> optionFor(String name, CommandSpec command) {
    String plain = name.replaceFirst("^-+", "").replace('_', '-');
    if (command.findOption("--" + plain) != null) {
      return Optional.of("--" + plain);
    }
    return rows()
        .filter(words -> words.lastIndexOf(plain) > 0 && command.findOption(words.get(0)) != null)
        .map(words -> words.get(0))
        .findFirst();
  }
}
