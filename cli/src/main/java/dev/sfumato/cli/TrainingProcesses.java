package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.ProcessGroup;
import dev.sfumato.tensor.Rendezvous;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;

/** The processes that train together, if torchrun's environment variables describe several. */
final class TrainingProcesses {
  private static final int FAILED = 1;

  private TrainingProcesses() {}

  /**
   * Joins the other processes.
   *
   * @throws picocli.CommandLine.ParameterException if a variable is missing or wrong
   */
  static ProcessGroup join(CommandSpec command) {
    return rendezvous(command)
        .map(place -> ProcessGroup.join(place, lost -> end(command, lost)))
        .orElseGet(ProcessGroup::alone);
  }

  /**
   * Returns the card of this process unless the user chose one: each process of a machine takes its
   * own.
   */
  static Device device(CommandSpec command, Device device, String asked) {
    Optional<Rendezvous> place = rendezvous(command);
    if (device.isCpu() || place.isEmpty()) {
      return device;
    }
    Device own =
        asked.contains(":") ? device : WrongCall.checked(command, () -> Device.of(place.get()));
    if (place.get().rank() == 0) {
      System.err.println("note: cards exchange their gradients through the host's memory (Gloo)");
    }
    return own;
  }

  private static Optional<Rendezvous> rendezvous(CommandSpec command) {
    return WrongCall.checked(command, () -> Rendezvous.of(System.getenv()));
  }

  /** Ends at once, since a thread that waits for a dead process cannot be woken. */
  private static void end(CommandSpec command, SfumatoException lost) {
    String message = OptionNames.inFlags(command.root().commandLine(), lost.getMessage());
    System.err.println("error: " + message);
    Runtime.getRuntime().halt(FAILED);
  }
}
