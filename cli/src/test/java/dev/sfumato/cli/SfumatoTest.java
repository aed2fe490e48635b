package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

class SfumatoTest {
  @Test
  void aloneItShowsItsCommandsAndExamples() {
    String out = Calls.run(List.of()).succeeds().out();
    assertThat(out).contains("quickstart");
    assertThat(out).contains("Examples:");
    assertThat(Calls.run("help").succeeds().out()).isEqualTo(out);
  }

  @Test
  void helpOfACommandIsTheCommandsHelp() {
    assertThat(Calls.run("help sample").succeeds().out())
        .isEqualTo(Calls.run("sample --help").succeeds().out());
  }

  @Test
  void optionsStandInGroups() {
    List<String> help = Calls.run("train --help").succeeds().out().lines().toList();
    int pictures = help.indexOf("Pictures:");
    int optimiser = help.indexOf("Optimiser:");
    int computing = help.indexOf("Computing:");
    assertThat(pictures).isGreaterThan(help.indexOf("Options:"));
    assertThat(line(help, "--data=")).isGreaterThan(pictures);
    assertThat(line(help, "--data=")).isLessThan(optimiser);
    assertThat(line(help, "--learning-rate=")).isGreaterThan(optimiser);
    assertThat(line(help, "--learning-rate=")).isLessThan(computing);
    assertThat(line(help, "--seed=")).isGreaterThan(computing);
  }

  private static int line(List<String> help, String option) {
    int last = help.size() - 1; // the synopsis above has it, too
    while (!help.get(last).strip().startsWith(option)) {
      last--;
    }
    return last;
  }

  @Test
  void versionIsACommandAndAnOption() {
    assertThat(Calls.run("version").succeeds().out())
        .isEqualTo(Calls.run("--version").succeeds().out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"sample --modle models/mnist", "sample --modle=models/mnist"})
  void aMisspeltOptionIsNamedWithTheOneThatWasMeant(String call) {
    String message = Calls.run(call).failsWith(2, "--modle").err();
    assertThat(message).contains("did you mean --model?");
    assertThat(message).doesNotContain("issing");
  }

  @Test
  void aMisspeltCommandIsNamedWithTheOneThatWasMeant() {
    Calls.run("smaple --count 1").failsWith(2, "did you mean sample?");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "sample --model m --steps x | error: --steps must be a whole number, not 'x' (see",
        "sample --model m --precision x | error: --precision must be fp32, bf16 or fp16, not 'x' (see",
        "sample --model m --precision fp16 --device cpu | error: --precision fp16 needs a card:",
        "train --data d --output o --precision fp16 --device cpu | error: --precision fp16 needs a card:",
        "sample --model m --scheduler euler-ancestral | not 'euler-ancestral'; did you mean euler_a",
        "convert --model m --output o --precision x | --precision must be fp32, fp16 or bf16, not",
        "train --data d --output o --lr-scheduler cosin | or exponential, not 'cosin'; did you mean",
        "completion fish | SHELL must be bash or zsh, not 'fish'",
        "quickstart --seconds x | --seconds must be a number, not 'x' (see",
        "sample --steps | error: --steps needs a value: N (see",
        "train --data= --output o | error: --data is empty: it needs DATA (see sfumato train",
        "sample --model= --prompt= | error: --model is empty: it needs DIR|FILE|ID (see",
        "sample --model m --out= | error: --out is empty: it needs FILE (see",
        "clip --clip m --text= --image= | error: --image is empty: it needs FILE (see",
        "finetune --learning_rate 1 | no option --learning_rate; did you mean --learning-rate? (",
        "finetune --train_data_dir d | there is no option --train_data_dir; did you mean --data? (",
        "sample --num_inference_steps=9 | --num_inference_steps; did you mean --steps? (see",
        "sample -model m | error: there is no option -model; did you mean --model? (see",
        "sample --model m --rows 0 | error: --rows must be at least 1, not 0 (see",
        "sample --model m 7 | error: unexpected argument '7' (see sfumato sample",
        "evaluate --model a --images b | error: give only one of --model, --images or --train-",
        "quickstart --seconds -5 | --seconds must be above 0",
        "quickstart --steps 0 | --steps must be at least 1",
        "studio --port 70000 | --port must lie between 0 and 65535, not 70000",
        "studio --folder nowhere | --folder nowhere: there is no such folder",
        "evaluate | error: give one of --model, --images or --train-classifier (see",
        "inspect | error: give one of ",
        "nosuch | error: there is no command 'nosuch' (see sfumato --help)",
        "help sampel | error: there is no command 'sampel'; did you mean sample? (see"
      })
  void aWrongCallIsSaidInPlainWords(String call, String message) {
    assertThat(Calls.run(call).failsWith(2).err()).contains(message);
  }

  @ParameterizedTest
  @MethodSource("dev.sfumato.cli.ScriptNames#rows")
  void namesOfOtherScriptsMeanOptions(List<String> row) {
    boolean known =
        Sfumato.commands().getSubcommands().values().stream()
            .anyMatch(command -> command.getCommandSpec().findOption(row.get(0)) != null);
    assertThat(known).isTrue();
  }

  @Test
  void anOptionThatIsMissingIsSaidToBe() {
    Calls.run("finetune --data x --output y").failsWith(2, "--model");
  }

  /** Messages name the choices by {@link CallError#choices}, the help by the option's label. */
  @Test
  void theChoicesInMessagesAreThoseOfTheHelp() {
    int compared = 0;
    for (CommandLine command : Sfumato.commands().getSubcommands().values()) {
      for (OptionSpec option : command.getCommandSpec().options()) {
        List<String> choices = CallError.choices(option);
        if (!choices.isEmpty() && option.paramLabel().contains("|")) {
          assertThat(choices).isEqualTo(List.of(option.paramLabel().split("\\|")));
          compared++;
        }
      }
    }
    assertThat(compared).isGreaterThan(10);
  }

  @Test
  void eachCommandHasHelp() {
    for (String command : Sfumato.commands().getSubcommands().keySet()) {
      String help = Calls.run(command + " --help").succeeds().out();
      assertThat(help).startsWith("Usage: sfumato " + command);
      assertThat(Calls.run("help " + command).succeeds().out()).isEqualTo(help);
    }
  }

  @Test
  void anOptionThatCanBeSwitchedOffSaysSo() {
    assertThat(Calls.run("finetune --help").succeeds().out()).contains("--[no-]flip");
  }

  @Test
  void aRunThatIsNotThereCannotBeResumed() {
    Calls.run("train --output nowhere --resume").failsWith(1, "nowhere: there is no run to resume");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "zsh"})
  void completionKnowsCommandsAndOptions(String shell) {
    String script = Calls.run("completion " + shell).succeeds().out();
    assertThat(script).contains("quickstart");
    assertThat(script).contains("--guidance-clamp");
  }
}
