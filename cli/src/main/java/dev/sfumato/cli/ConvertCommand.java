package dev.sfumato.cli;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code sfumato convert}. */
@Command(
    name = "convert",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    footer = {
      "Examples:",
      "  sfumato convert --model model.safetensors --output model",
      "  sfumato convert --model model --lora style.safetensors:0.8 --precision fp16 --output merged.safetensors"
    },
    description =
        "Writes a model in another layout or precision, or with LoRAs merged into its weights.")
final class ConvertCommand implements Callable<Integer> {
  /** The types of weights in a file. */
  enum Weights {
    FP32(DType.FLOAT32),
    FP16(DType.FLOAT16),
    BF16(DType.BFLOAT16);

    private final DType type;

    Weights(DType type) {
      this.type = type;
    }
  }

  @Option(
      names = "--output",
      required = true,
      paramLabel = "DIR|FILE",
      description =
          "A directory, or a file that ends in .safetensors, for the original layout in one file.")
  Path output;

  @Option(
      names = "--precision",
      paramLabel = "fp32|fp16|bf16",
      defaultValue = "fp32",
      description = "Type of the weights (default: ${DEFAULT-VALUE}).")
  Weights weights;

  @Mixin LoadingArguments loading;

  @Override
  public Integer call() {
    if (Files.exists(output)) {
      throw new InvalidOptionException(
          output + " exists: choose another name, nothing is overwritten");
    }
    if (output.toString().matches(".*\\.(ckpt|bin|pt)")) {
      throw new InvalidOptionException(
          output + ": PyTorch checkpoints are not written: use .safetensors");
    }
    try (DiffusionPipeline pipeline = loading.load(Precision.FP32, true);
        Interruption.Delay delay = Interruption.delay()) {
      save(pipeline);
    }
    System.out.println(output);
    return 0;
  }

  /** Writes beside the output, which then gets its name: it is whole or not there. */
  private void save(DiffusionPipeline pipeline) {
    if (output.toString().endsWith(".safetensors")) {
      pipeline.save(output, weights.type);
      return;
    }
    Path target = output.toAbsolutePath();
    Path aside = target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID());
    try {
      AtomicFile.createDirectories(target.getParent());
      pipeline.save(aside, weights.type);
      AtomicFile.rename(aside, target);
    } catch (IOException e) {
      throw new SfumatoException(output + ": cannot be written: " + AtomicFile.reason(e), e);
    } finally {
      AtomicFile.delete(aside);
    }
  }
}
