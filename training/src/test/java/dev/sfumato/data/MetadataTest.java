package dev.sfumato.data;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.data.DataOptions.Columns;
import dev.sfumato.data.DataOptions.OnBadImage;
import dev.sfumato.picture.PictureGolden;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders with {@code metadata.jsonl} or {@code metadata.csv}. */
class MetadataTest {
  private static final DataOptions OPTIONS = DataOptions.defaults();

  @TempDir private Path folder;

  @BeforeEach
  void fill() throws IOException {
    Files.createDirectories(folder.resolve("sub"));
    for (String name : new String[] {"a.png", "b.png", "sub/c.png"}) {
      Files.write(folder.resolve(name), PictureGolden.file("gray.png"));
    }
  }

  @Test
  void namesPicturesInItsOrder() throws IOException {
    write(
        "metadata.jsonl",
        """
        {"file_name": "sub/c.png", "label": "z", "caption": "third", "hue": 3}
        {"file_name": "a.png", "label": "y", "caption": null, "hue": 1}
        """);
    Dataset dataset = open(OPTIONS);
    assertThat(dataset.size()).isEqualTo(2);
    assertThat(dataset.captions()).containsExactly("third", "").inOrder();
    assertThat(dataset.classNames()).containsExactly("y", "z").inOrder();
    assertThat(dataset.label(0)).isEqualTo(1);
    Dataset asked = open(OPTIONS.withColumns(new Columns("", "hue", "label")));
    assertThat(asked.classNames()).containsExactly("0", "1", "2", "3").inOrder();
    assertThat(asked.label(0)).isEqualTo(3);
    assertThat(asked.captions()).containsExactly("z", "y").inOrder();
  }

  @Test
  void anEmptyTableIsNamed() throws IOException {
    for (String content : new String[] {"", "\n\n", "\ufeff", "file_name,text\n"}) {
      write("metadata.csv", content);
      String message = assertThrows(SfumatoException.class, () -> open(OPTIONS)).getMessage();
      assertThat(message).contains("metadata.csv");
      assertThat(message).doesNotContain("line -1");
    }
  }

  @Test
  void readsCsv() throws IOException {
    write(
        "metadata.csv",
        "\ufefffile_name,text,label\r\na.png,\"one, \"\"two\"\"\",10\r\nb.png,x,2\r\n");
    Dataset dataset = open(OPTIONS);
    assertThat(dataset.captions()).containsExactly("one, \"two\"", "x").inOrder();
    assertThat(dataset.classNames()).hasSize(11);
    assertThat(dataset.label(0)).isEqualTo(10);
  }

  @Test
  void aSeparatorOtherThanACommaIsNamed() throws IOException {
    for (String separator : new String[] {";", "\t"}) {
      write("metadata.csv", "file_name" + separator + "text\na.png" + separator + "one\n");
      assertThat(failure(OPTIONS))
          .contains("the columns, separated by commas, one of them file_name");
      assertThat(failure(OPTIONS)).contains("names 'file_name");
    }
  }

  @Test
  void theFirstOfSeveralCaptionsCounts() throws IOException {
    write(
        "metadata.jsonl",
        """
        {"file_name": "a.png", "text": ["one", "two"]}
        {"file_name": "b.png", "text": []}
        {"file_name": "sub/c.png", "text": [null]}
        """);
    assertThat(open(OPTIONS).captions()).containsExactly("one", "", "").inOrder();
    write("metadata.jsonl", "{\"file_name\": \"a.png\", \"text\": {\"en\": \"one\"}}\n");
    assertThat(failure(OPTIONS)).contains("row 1: column 'text' has neither a text nor a list");
  }

  @Test
  void readsMetadataOfSubfolders() throws IOException {
    write("sub/metadata.csv", "file_name,text\nc.png,deep\n");
    Dataset dataset = open(OPTIONS);
    assertThat(dataset.size()).isEqualTo(1);
    assertThat(dataset.captions()).containsExactly("deep");
    assertThat(dataset.classNames()).containsExactly("sub"); // all pictures lie in it
  }

  @Test
  void keepsCaptionsOfGoodPictures() throws IOException {
    Files.write(folder.resolve("a.png"), new byte[1]);
    write(
        "metadata.jsonl",
        """
        {"file_name": "a.png", "text": "bad"}
        {"file_name": "missing.png", "text": "missing"}
        {"file_name": "../outside.png", "text": "outside"}
        {"file_name": "b.png", "text": "good"}
        """);
    Files.write(folder.resolveSibling("outside.png"), PictureGolden.file("gray.png"));
    Dataset dataset = open(OPTIONS.withOnBadImage(OnBadImage.SKIP));
    assertThat(dataset.captions()).containsExactly("good");
    assertThat(failure(OPTIONS)).contains("3 of 4 files");
    assertThat(failure(OPTIONS)).contains("missing.png: no such file");
    assertThat(failure(OPTIONS)).contains("outside.png: no such file");
  }

  @Test
  void namesWhatIsWrong() throws IOException {
    write("metadata.jsonl", "{\"file_name\": \"a.png\", \"hue\": \"red\"}\n");
    assertThat(failure(OPTIONS.withColumns(new Columns("", "color", ""))))
        .contains("metadata: no column 'color' for `labelColumn`; there are hue");
    write("metadata.jsonl", "{\"file_name\": \"a.png\"}\n{\"file_name\": ");
    assertThat(failure(OPTIONS)).contains("metadata.jsonl, line 2: ");
    write("metadata.jsonl", "{\"file\": \"a.png\"}\n");
    assertThat(failure(OPTIONS)).contains("metadata.jsonl, row 1: no file_name");
    write(
        "metadata.jsonl", "{\"file_name\": \"a.png\", \"label\": 1}\n{\"file_name\": \"b.png\"}\n");
    assertThat(failure(OPTIONS)).contains("metadata.jsonl, row 2: no label in column 'label'");
    write("metadata.jsonl", "{\"file_name\": \"a.png\", \"label\": -1}\n");
    assertThat(failure(OPTIONS)).contains("metadata: label -1 of picture 0 is out of range");
    Files.delete(folder.resolve("metadata.jsonl"));
    assertThat(failure(OPTIONS.withColumns(new Columns("", "", "text"))))
        .contains("`captionColumn` text needs a metadata.jsonl or metadata.csv");
  }

  @Test
  void readsCsvAsSpreadsheetsLeaveIt() throws IOException {
    write("metadata.csv", "file_name,text\na.png,one\n\nb.png,two\n,\n,\n\n");
    assertThat(open(OPTIONS).captions()).containsExactly("one", "two").inOrder();
    write("metadata.csv", "file_name,text\n,one\nb.png,two\n");
    assertThat(failure(OPTIONS)).contains("metadata.csv, row 1: no file_name");
  }

  @Test
  void refusesTwoKindsOfMetadata() throws IOException {
    write("metadata.csv", "file_name\na.png\n");
    write("metadata.jsonl", "{\"file_name\": \"a.png\"}\n");
    assertThat(failure(OPTIONS)).contains("both metadata.csv and metadata.jsonl; keep one of them");
  }

  @Test
  void readsNamesInEveryForm() throws IOException {
    Files.write(folder.resolve("caf\u00e9.png"), PictureGolden.file("gray.png"));
    write(
        "metadata.jsonl",
        """
        {"file_name": ".\\\\sub\\\\c.png", "text": "1"}
        {"file_name": "sub/../a.png", "text": "2"}
        {"file_name": "cafe\u0301.png", "text": "3"}
        """);
    assertThat(open(OPTIONS).captions()).containsExactly("1", "2", "3").inOrder();
    write("metadata.jsonl", "{\"file_name\": \"a\\u0000.png\"}\n");
    assertThat(failure(OPTIONS)).contains("no such file");
  }

  @Test
  void refusesLabelsThatDoNotFit() throws IOException {
    for (String label : new String[] {"4294967296", "-1", "1e400"}) {
      write("metadata.csv", "file_name,label\na.png,0\nb.png," + label + "\n");
      assertThat(failure(OPTIONS)).contains("label " + label + " of picture 1 is out of range");
      write(
          "metadata.jsonl",
          "{\"file_name\": \"a.png\", \"label\": 0}{\"file_name\": \"b.png\", \"label\": %s}"
              .formatted(label));
      Files.delete(folder.resolve("metadata.csv"));
      assertThat(failure(OPTIONS)).contains(" of picture 1 is ");
      Files.delete(folder.resolve("metadata.jsonl"));
    }
    write("metadata.csv", "file_name,label\na.png,0\nb.png,1.5\n");
    assertThat(failure(OPTIONS)).contains("label 1.5 of picture 1 is a fraction");
    write("metadata.csv", "file_name,label\na.png,0\nb.png,two\n");
    assertThat(failure(OPTIONS))
        .contains("label 'two' of picture 1 is not a number, but others are");
    write("metadata.csv", "file_name,label\na.png,0\nb.png,\n");
    assertThat(failure(OPTIONS)).contains("metadata.csv, row 2: no label in column 'label'");
    Files.delete(folder.resolve("metadata.csv"));
    write("metadata.jsonl", "{\"file_name\": \"a.png\", \"label\": [1]}");
    assertThat(failure(OPTIONS)).contains("row 1: neither a number nor a name in column 'label'");
  }

  @Test
  void textsThatLookLikeNumbersAreNames() throws IOException {
    write(
        "metadata.jsonl",
        """
        {"file_name": "a.png", "label": "10"}
        {"file_name": "b.png", "label": "9"}
        """);
    assertThat(open(OPTIONS).classNames()).containsExactly("9", "10").inOrder();
  }

  @Test
  void aTableOfAnotherEncodingIsNamed() throws IOException {
    for (String name : List.of("metadata.csv", "metadata.jsonl")) {
      String row =
          name.endsWith("csv") ? "file_name,text\na.png,\u00e4\n" : "{\"text\": \"\u00e4\"}\n";
      Files.write(folder.resolve(name), row.getBytes(StandardCharsets.ISO_8859_1));
      assertThat(failure(OPTIONS)).contains("is not text in UTF-8: save");
      Files.delete(folder.resolve(name));
    }
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  private Dataset open(DataOptions options) {
    return Datasets.open(folder.toString(), options);
  }

  private String failure(DataOptions options) {
    String message = assertThrows(SfumatoException.class, () -> open(options)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }
}
