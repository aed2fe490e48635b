package dev.sfumato.cli;

import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** {@code sfumato finetune}: {@code train} of a pretrained model, with defaults for that. */
@Command(
    name = "finetune",
    modelTransformer = FinetuneCommand.Options.class,
    footer = {
      "%nExamples:",
      "  sfumato finetune --model models/faces --data pictures/ --output runs/faces"
    },
    description =
        "Goes on training a pretrained model on other pictures: train with --model and with"
            + " defaults for that.")
final class FinetuneCommand extends TrainCommand {
  private static final Map<String, String> DEFAULTS =
      Map.of(
          "--batch-size", "4",
          "--gradient-accumulation-steps", "2",
          "--learning-rate", "1e-5",
          "--flip", "true");

  /** The options of {@code train}, changed. */
  static final class Options implements IModelTransformer {
    @Override
    public CommandSpec transform(CommandSpec command) {
      for (OptionSpec option : List.copyOf(command.options())) {
        String name = option.longestName();
        command.remove(option);
        if (!name.equals("--config")) { // describes a new model
          command.addOption(
              OptionSpec.builder(option)
                  .defaultValue(DEFAULTS.getOrDefault(name, option.defaultValue()))
                  .required(option.required() || name.equals("--model"))
                  .build());
        }
      }
      return command;
    }
  }
}
