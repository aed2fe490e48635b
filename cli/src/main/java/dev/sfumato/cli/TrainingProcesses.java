package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Rendezvous;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;

/** The processes that train together, where torchrun's environment variables speak of several. */
final class TrainingProcesses {
  private static final int FAILED = 1;

  private TrainingProcesses() {}

  /**
   * Joins the others.
   *
   * @throws picocli.CommandLine.ParameterException if a variable is missing or wrong
   */
  static ProcessGroup join(CommandSpec command) {
    return rendezvous(command)
        .map(place -> ProcessGroup.join(place, lost -> end(command, lost)))
        .orElseGet(ProcessGroup::alone);
  }

  /** The card of this process where the user left open which: each of a machine takes its own. */
  static Device device(CommandSpec command, Device device, String asked) {
    return device.isCpu() || asked.contains(":")
        ? device
        : new Device(
            device.type(), rendezvous(command).map(Rendezvous::localRank).orElse(device.index()));
  }

  private static Optional<Rendezvous> rendezvous(CommandSpec command) {
    return WrongCall.checked(command, () -> Rendezvous.of(System.getenv()));
  }

  /** Ends at once: a thread that waits for a process that has gone cannot be woken. */
  private static void end(CommandSpec command, SfumatoException lost) {
    String message = OptionNames.inFlags(command.root().commandLine(), lost.getMessage());
    System.err.println("error: " + message);
    Runtime.getRuntime().halt(FAILED);
  }
}
