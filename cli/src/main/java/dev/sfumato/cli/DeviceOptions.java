package dev.sfumato.cli;

import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Engine;
import dev.sfumato.tensor.Precision;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Options for the device and the arithmetic. */
class DeviceOptions {
  /** The two values of options such as {@code --tf32}. */
  enum Switch {
    ON,
    OFF
  }

  @Option(
      names = "--device",
      paramLabel = "auto|cpu|cuda[:N]",
      defaultValue = "auto",
      description =
          "Device to compute on (default: ${DEFAULT-VALUE}, the card with the most free memory if"
              + " there is one).")
  String device;

  @Option(
      names = "--tf32",
      paramLabel = "on|off",
      description =
          "Round the operands of convolutions and matrix products to TF32 on a card, which is"
              + " faster and less exact (default: convolutions only, as in PyTorch).")
  Switch tf32;

  @Option(
      names = "--precision",
      paramLabel = "fp32|bf16|fp16",
      defaultValue = "fp32",
      description =
          "Precision of convolutions and matrix products (default: ${DEFAULT-VALUE});"
              + " sums stay fp32, and weights, too, except in the U-Net of a text-to-image model. fp16"
              + " is for cards without fast bf16.")
  Precision precision;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads per operation (default: one per core).")
  Integer threads;

  @Spec(Spec.Target.MIXEE)
  CommandSpec command;

  /** Sets up the engine and returns the device. */
  Device apply() {
    return WrongCall.checked(
        command,
        () -> {
          if (threads != null) {
            Engine.threads(threads);
          }
          if (tf32 != null) {
            Engine.tf32(tf32 == Switch.ON);
          }
          Device chosen = Device.parse(device);
          precision.requireOn(chosen);
          return chosen;
        });
  }
}
