package dev.sfumato.cli;

import java.util.Locale;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command {@code completion}. */
@Command(
    name = "completion",
    mixinStandardHelpOptions = true,
    description = "Prints a shell script that completes commands and options.",
    footer = {"Example:", "  source <(sfumato completion bash)"})
final class CompletionCommand implements Runnable {
  private enum Shell {
    BASH,
    ZSH;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Parameters(paramLabel = "SHELL", description = "The shell: bash or zsh.")
  private Shell shell;

  @Spec private CommandSpec spec;

  /** Prints the script for bash; zsh runs it after loading two modules. */
  @Override
  public void run() {
    if (shell == Shell.ZSH) {
      System.out.println("autoload -U +X compinit && compinit");
    }
    System.out.println(AutoComplete.bash("sfumato", spec.root().commandLine()));
  }
}
