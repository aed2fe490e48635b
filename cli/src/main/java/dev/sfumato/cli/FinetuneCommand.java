package dev.sfumato.cli;

import dev.sfumato.run.TextParts;
import dev.sfumato.run.Training;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sfumato finetune}. */
@Command(
    name = "finetune",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "Examples:",
      "  sfumato finetune --model models/faces --data pictures/ --output runs/faces",
      "  sfumato finetune --model stable-diffusion-v1-5/stable-diffusion-v1-5 --data captioned/"
          + " --output runs/style --lora-rank 16"
    },
    description =
        "Trains a pretrained model further on other pictures: train with --model and"
            + " suitable defaults.")
final class FinetuneCommand extends TrainingCommand {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR|FILE|ID",
      description =
          "The model to start from: a directory in diffusers' layout, a Stable Diffusion in one"
              + " .safetensors or .ckpt file, or one of the Hub: org/name[@revision].")
  String model;

  @Option(
      names = "--vae",
      paramLabel = "FILE|DIR|ID",
      description = "Text-to-image models: autoencoder to use instead of the model's own.")
  String vae;

  @Mixin MethodArguments tuning;

  @Override
  Training start() {
    described.texts = new TextParts(Optional.ofNullable(vae), Optional.empty());
    return Training.fineTuning(model, pictures.data, output);
  }

  @Override
  Training completed(Training whole) {
    return tuning.applied(whole);
  }

  @Override
  Training withModel(Training whole) {
    if (vae != null) {
      Downloads.autoencoder(vae);
    }
    if (tuning.lora != null && !goesOn()) { // a checkpoint holds it
      Downloads.lora(tuning.start());
    }
    return whole.withModelDirectory(Downloads.pipeline(model));
  }
}
