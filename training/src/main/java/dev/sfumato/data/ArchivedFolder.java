package dev.sfumato.data;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The files of a folder with those of the archives in it: {@code images.zip/a.png}. */
final class ArchivedFolder implements PictureFiles {
  private final FolderFiles folder;
  private final SortedMap<String, Entry> entries = new TreeMap<>();

  private record Entry(PictureFiles files, String name) {}

  private ArchivedFolder(FolderFiles folder) {
    this.folder = folder;
    boolean one = folder.names().stream().filter(EntryNames::isArchive).count() == 1;
    for (String name : folder.names()) {
      if (EntryNames.isArchive(name)) {
        PictureFiles archive = Archives.open(folder.file(name));
        // With several archives, the single folder in one of them may be a class.
        PictureFiles files = one ? FilesBelow.of(archive) : archive;
        files.names().forEach(inner -> entries.put(name + "/" + inner, new Entry(files, inner)));
      } else {
        entries.put(name, new Entry(folder, name));
      }
    }
  }

  /** Opens the archives of a folder, if it has any. */
  static PictureFiles of(FolderFiles folder) {
    return folder.names().stream().anyMatch(EntryNames::isArchive)
        ? new ArchivedFolder(folder)
        : folder;
  }

  @Override
  public String origin() {
    return folder.origin();
  }

  @Override
  public List<String> names() {
    return List.copyOf(entries.keySet());
  }

  @Override
  public List<String> danglingLinks() {
    return folder.danglingLinks();
  }

  @Override
  public String path(String name) {
    Entry entry = entries.get(name);
    return entry == null ? folder.path(name) : entry.files().path(entry.name());
  }

  @Override
  public byte[] read(String name) {
    Entry entry = entries.get(name);
    return entry.files().read(entry.name());
  }

  @Override
  public Beginning begin(String name) {
    Entry entry = entries.get(name);
    return entry.files().begin(entry.name());
  }
}
