package dev.sfumato.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.hub.ContentHash;
import dev.sfumato.io.JsonFile;
import dev.sfumato.run.OutputDirectory;
import dev.sfumato.run.Training;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.StreamSupport;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/**
 * The defaults of the options: the library's, or those of a resumed run's {@code config.json}, so
 * that they need not be given again.
 */
final class SavedOptions implements IDefaultValueProvider {
  private static final String FILE = "config.json";

  /** Options that belong to one call and not to the run. */
  private static final List<String> OF_THE_CALL =
      List.of("--resume", "--overwrite", "--output", "--verbose", "--help", "--version");

  /** Options that the library derives from others, and options that each call must give. */
  private static final List<String> DEPENDENT = List.of("epochs", "weight_decay", "data", "model");

  /** Options that say together how long a run is: a new one replaces both. */
  private static final List<String> LENGTHS = List.of("epochs", "max_steps");

  /** Options that only the first start of a run uses. */
  private static final List<String> OF_THE_START =
      List.of(
          "--model",
          "--config",
          "--vae",
          "--text-encoder",
          "--class-embedding-size",
          "--method",
          "--lora",
          "--placeholder-token",
          "--initializer-token");

  private final JsonNode saved;

  private SavedOptions(JsonNode saved) {
    this.saved = saved;
  }

  /**
   * Returns the defaults for {@code args}: those of the run that they resume, if any, else those of
   * {@code library}.
   *
   * @throws SfumatoException if there is no run to resume
   */
  static SavedOptions of(String[] args, Training library) {
    ObjectNode values = JsonFile.MAPPER.valueToTree(library.settings());
    values.remove(DEPENDENT);
    List<String> words = new ArrayList<>();
    for (String arg : args) {
      words.addAll(List.of(arg.split("=", 2)));
    }
    int output = words.indexOf("--output");
    if (words.contains("--resume") && output >= 0 && output + 1 < words.size()) {
      Path run = Path.of(words.get(output + 1));
      Path file = run.resolve(FILE);
      if (!words.contains("--data")) { // which a run needs that has not begun
        OutputDirectory.requireRun(run);
        if (!Files.exists(file)) {
          throw new SfumatoException(
              run + ": the run ended before its first step: repeat its command with all options");
        }
      }
      if (Files.isRegularFile(file)) {
        values.setAll(JsonFile.read(file, ObjectNode.class));
        if (words.contains("--epochs") || words.contains("--max-steps")) {
          values.remove(LENGTHS);
        }
      }
    }
    return new SavedOptions(values);
  }

  @Override
  public String defaultValue(ArgSpec argument) {
    JsonNode value =
        argument instanceof OptionSpec option ? saved.path(key(option)) : MissingNode.getInstance();
    String separator = argument.splitRegex().equals("\n") ? "\n" : ",";
    return value.isMissingNode() || value.isArray() && value.isEmpty()
        ? null
        : text(value, separator);
  }

  private static String text(JsonNode value, String separator) {
    if (value.isDouble()) {
      return value.asText().replace('E', 'e').replaceFirst("\\.0(?=e|$)", "");
    }
    return StreamSupport.stream(value.spliterator(), false)
        .map(JsonNode::asText)
        .reduce((a, b) -> a + separator + b)
        .orElse(value.asText());
  }

  /**
   * Returns every option of {@code command} that has a value, by its name in {@code config.json}.
   */
  static Map<String, Object> values(CommandSpec command) {
    Map<String, Object> values = new TreeMap<>();
    for (OptionSpec option : command.options()) {
      Object value = option.getValue();
      if (value != null && !OF_THE_CALL.contains(option.longestName())) {
        values.put(key(option), json(value));
      }
    }
    return values;
  }

  /**
   * Refuses options that a run resumed from a checkpoint cannot change: those that describe its
   * model and its method, unless they equal those of its start. A model in one file may have moved.
   */
  static void requireAsBefore(CommandSpec command) {
    SavedOptions before = (SavedOptions) command.defaultValueProvider();
    ParseResult given = command.commandLine().getParseResult();
    for (String name : OF_THE_START) {
      OptionSpec option = given.matchedOption(name);
      if (option != null
          && !String.valueOf(json(option.getValue())).equals(before.defaultValue(option))
          && !before.isMoved(option)) {
        throw new InvalidOptionException(
            name + ": a resumed run keeps what it began with: leave the option out");
      }
    }
  }

  /** Returns whether a model in one file now lies elsewhere. */
  private boolean isMoved(OptionSpec option) {
    Path file = Path.of(option.getValue().toString());
    return key(option).equals("model")
        && saved.has("model_sha256")
        && Files.isRegularFile(file)
        && ContentHash.sha256(file).equals(saved.path("model_sha256").textValue());
  }

  private static Object json(Object value) {
    if (value instanceof Number || value instanceof Boolean) {
      return value;
    }
    if (value instanceof Collection<?> values) {
      return values.stream().map(SavedOptions::json).toList();
    }
    return value instanceof Enum<?> ? value.toString().toLowerCase(Locale.ROOT) : value.toString();
  }

  private static String key(OptionSpec option) {
    return option.longestName().replaceFirst("^--(no-)?", "").replace('-', '_');
  }
}
