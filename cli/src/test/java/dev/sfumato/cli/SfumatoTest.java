package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

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
        "sample --model m --steps x | 'x' is not a whole number (see",
        "sample --model m --precision x | expected one of fp32, bf16 but was 'x' (see",
        "train --data d --output o --lr-scheduler x | one of constant, constant_with_warmup, linear",
        "finetune --model m --data d --output o --method x | one of full, lora, textual-inversion",
        "completion fish | expected one of bash, zsh but was 'fish' (see",
        "quickstart --seconds x | 'x' is not a number (see",
        "quickstart --seconds -5 | --seconds must be above 0",
        "quickstart --steps 0 | --steps must be at least 1",
        "evaluate | error: Missing required argument",
        "help sampel | did you mean sample?"
      })
  void aWrongCallIsSaidInPlainWords(String call, String message) {
    assertThat(Calls.run(call).failsWith(2).err()).contains(message);
  }

  @Test
  void anOptionThatIsMissingIsSaidToBe() {
    Calls.run("finetune --data x --output y").failsWith(2, "--model");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "zsh"})
  void completionKnowsCommandsAndOptions(String shell) {
    String script = Calls.run("completion " + shell).succeeds().out();
    assertThat(script).contains("quickstart");
    assertThat(script).contains("--guidance-clamp");
  }
}
