package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.run.TextParts;
import dev.sfumato.run.Training;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code sfumato train}. */
@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "Examples:",
      "  sfumato train --data pictures/ --output runs/mine --resolution 32 --use-ema",
      "  sfumato train --output runs/mine --resume"
    },
    description =
        "Trains a diffusion model on pictures, from scratch or from the weights of --model.")
final class TrainCommand extends TrainingCommand {
  @Option(
      names = "--model",
      paramLabel = "DIR|FILE|ID",
      description =
          "A model to start from: a directory in diffusers' layout, a Stable Diffusion in one"
              + " .safetensors or .ckpt file, or one of the Hub: org/name[@revision].")
  String model;

  @Option(
      names = "--config",
      paramLabel = "FILE|PRESET",
      description =
          "The U-Net of a new model: a unet/config.json, or mnist, faces-32 or ddpm-256 (default:"
              + " by the pictures' size).")
  String config;

  @Option(
      names = "--vae",
      paramLabel = "DIR|ID",
      description =
          "The trained autoencoder of a new text-to-image model, whose --config describes a"
              + " UNet2DConditionModel: its directory, or a model that has one. With --model: the"
              + " autoencoder to use instead of the model's own, as in finetune.")
  String vae;

  @Option(
      names = "--text-encoder",
      paramLabel = "DIR|ID",
      description =
          "The trained text encoder of a new text-to-image model: a CLIP model, or a model that has"
              + " one.")
  String textEncoder;

  @Override
  Training start() {
    if (model != null && config != null && !goesOn()) {
      throw new InvalidOptionException("--config describes a new model and excludes --model");
    }
    requireWhole();
    described.config = config;
    described.texts = new TextParts(Optional.ofNullable(vae), Optional.ofNullable(textEncoder));
    Training whole = Training.fromScratch(pictures.data, output);
    return model == null ? whole : whole.withModel(model);
  }

  /** Refuses some of the options of a new text-to-image model without the others. */
  private void requireWhole() {
    boolean some = vae != null || textEncoder != null;
    if (some
        && model == null
        && (vae == null || textEncoder == null || config == null)
        && !goesOn()) {
      throw new InvalidOptionException(
          "a new text-to-image model needs --vae, --text-encoder and --config, the file of its"
              + " UNet2DConditionModel");
    }
  }

  @Override
  Training withModel(Training whole) {
    return model == null ? whole : whole.withModelDirectory(Downloads.pipeline(model));
  }
}
