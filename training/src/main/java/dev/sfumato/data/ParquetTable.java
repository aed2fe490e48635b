package dev.sfumato.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** A Parquet file of texts and numbers. */
final class ParquetTable {
  private ParquetTable() {}

  /**
   * Returns the rows as JSON objects.
   *
   * @param bytes the file
   * @param name its name in messages
   * @throws SfumatoException if it is not a Parquet file
   */
  static List<JsonNode> rows(byte[] bytes, String name) {
    try {
      Path copy = Files.createTempFile("sfumato-", ".parquet"); // the file may lie in an archive
      try (Connection connection = ParquetFile.connect();
          Statement statement = connection.createStatement()) {
        Files.write(copy, bytes);
        List<JsonNode> rows = new ArrayList<>();
        try (ResultSet found =
            statement.executeQuery(
                "SELECT to_json(t)::VARCHAR FROM read_parquet(" + ParquetFile.text(copy) + ") t")) {
          while (found.next()) {
            rows.add(JsonFile.MAPPER.readTree(found.getString(1)));
          }
        }
        return rows;
      } catch (SQLException | JsonProcessingException e) {
        throw new SfumatoException(name + ": cannot be read (" + ParquetFile.oneLine(e) + ")", e);
      } finally {
        Files.deleteIfExists(copy);
      }
    } catch (IOException e) {
      throw new SfumatoException(
          name
              + ": cannot be copied to the folder for temporary files ("
              + AtomicFile.reason(e)
              + ")",
          e);
    }
  }
}
