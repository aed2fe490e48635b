package dev.sfumato.io;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonFileTest {
  record Settings(int sampleSize, List<String> blockTypes) {
    Settings {
      if (sampleSize < 0) {
        throw new SfumatoException("sample_size must not be negative");
      }
    }
  }

  @TempDir Path folder;

  @Test
  void recordsGoThereAndBackInSnakeCase() throws IOException {
    Path file = folder.resolve("a.json");
    Settings settings = new Settings(3, List.of("a", "b"));
    JsonFile.write(file, settings);
    assertThat(Files.readString(file)).contains("\"sample_size\" : 3");
    assertThat(JsonFile.read(file, Settings.class)).isEqualTo(settings);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'sample_size': 3, 'sample_size': 4} | Duplicate",
        "{'sample_size': | Unexpected end",
        "{ | Unexpected end-of-input: expected close marker for Object",
        "{'sample_size': -1} | sample_size must not be negative",
        "{'sample_size': 'x'} | sample_size must be a whole number, not 'x'",
        "{'sample_size': [1]} | sample_size must be a whole number",
        "{'sample_size': 1.5} | sample_size must be a whole number",
        "{'block_types': 1} | block_types must be a list",
        "{'block_types': ['a', {}]} | block_types[1] must be a text",
        "[1, 2] | the file must be a JSON object",
        "'x' | the file must be a JSON object",
        "hello | hello",
        "{'sample_size': 3} {} | Trailing token",
      })
  void whatDoesNotFitIsOneLine(String json, String problem) throws IOException {
    Path file = Files.writeString(folder.resolve("a.json"), json.replace('\'', '"'));
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> JsonFile.read(file, Settings.class));
    assertThat(e.getMessage()).startsWith(file.toString());
    assertThat(e.getMessage().replace('"', '\'')).contains(problem);
    assertThat(e.getMessage()).doesNotContain("\n");
    assertThat(e.getMessage()).doesNotContain("REDACTED");
  }

  @Test
  void aMissingFileIsNamed() {
    Path file = folder.resolve("missing.json");
    assertThat(
            assertThrows(SfumatoException.class, () -> JsonFile.read(file, Settings.class))
                .getMessage())
        .isEqualTo(file + ": cannot be read: no such file");
  }

  @Test
  void aFileThatIsNoTextIsOneLine() throws IOException {
    Path file = Files.write(folder.resolve("a.json"), new byte[] {(byte) 0xff, (byte) 0xfe, 0, 1});
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> JsonFile.read(file, Settings.class));
    assertThat(e.getMessage()).startsWith(file.toString());
    assertThat(e.getMessage()).doesNotContain("\n");
  }
}
