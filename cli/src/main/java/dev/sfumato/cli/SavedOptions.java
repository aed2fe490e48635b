package dev.sfumato.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.sfumato.io.JsonFile;
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
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * The options of a run as {@code config.json} in its output directory. A run that goes on takes
 * them as its defaults, so that they need not be said again.
 */
final class SavedOptions implements IDefaultValueProvider {
  private static final String FILE = "config.json";

  /** Options that belong to one call and not to the run. */
  private static final List<String> OF_THE_CALL =
      List.of("--resume", "--overwrite", "--output", "--verbose", "--help", "--version");

  /** Options that only a run's first start looks at. */
  private static final List<String> OF_THE_MODEL =
      List.of("--model", "--config", "--class-embedding-size");

  private final JsonNode saved;

  private SavedOptions(JsonNode saved) {
    this.saved = saved;
  }

  /** The options that {@code args} go on with: none unless they say to resume a run. */
  static SavedOptions of(String[] args) {
    List<String> words = new ArrayList<>();
    for (String arg : args) {
      words.addAll(List.of(arg.split("=", 2)));
    }
    int output = words.indexOf("--output");
    boolean resumes = words.contains("--resume") && output >= 0 && output + 1 < words.size();
    Path file = resumes ? Path.of(words.get(output + 1)).resolve(FILE) : Path.of("");
    return new SavedOptions(
        resumes && Files.isRegularFile(file)
            ? JsonFile.read(file, JsonNode.class)
            : JsonFile.MAPPER.createObjectNode());
  }

  @Override
  public String defaultValue(ArgSpec argument) {
    JsonNode value =
        argument instanceof OptionSpec option ? saved.path(key(option)) : MissingNode.getInstance();
    return value.isMissingNode() ? null : text(value);
  }

  private static String text(JsonNode value) {
    return StreamSupport.stream(value.spliterator(), false)
        .map(JsonNode::asText)
        .reduce((a, b) -> a + "," + b)
        .orElse(value.asText());
  }

  /** Every resolved option of {@code command}, by its name in {@code config.json}. */
  static Map<String, Object> resolved(CommandSpec command) {
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
   * Refuses options of this call that a run which goes on after a checkpoint would ignore: those
   * that describe its model, unless they say what they said when it began.
   */
  static void requireAsBefore(CommandSpec command) {
    SavedOptions before = (SavedOptions) command.defaultValueProvider();
    ParseResult given = command.commandLine().getParseResult();
    for (String name : OF_THE_MODEL) {
      OptionSpec option = given.matchedOption(name);
      if (option != null
          && !String.valueOf(json(option.getValue())).equals(before.defaultValue(option))) {
        throw new ParameterException(
            command.commandLine(),
            name + ": a run that goes on keeps its model: leave the option out");
      }
    }
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
