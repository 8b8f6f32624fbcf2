package rpmdb

import "io"

// historyUser is the reason of a package that was asked for (libdnf, TransactionItemReason: 0 unknown, 1 dependency, 2 user, 3 clean,
// 4 weak dependency, 5 group).
const historyUser = 2

// HistoryManual reads dnf's history, an SQLite file. It returns the names of the packages whose last transaction has the reason "user"
// (libdnf, swdb: table rpm with item_id and name; table trans_item with id, trans_id, item_id, repo_id, action, reason and state). An
// error is a damaged file.
func HistoryManual(r io.ReaderAt, size int64) (map[string]bool, error) {
	db, err := openSqlite(r, size)
	if err != nil {
		return nil, err
	}
	names := map[uint64]string{}
	err = db.table("rpm", func(record []byte) error {
		if columns := sqliteColumns(record, 2); len(columns) == 2 {
			names[integer(columns[0])] = string(columns[1])
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	manual := map[string]bool{}
	err = db.table("trans_item", func(record []byte) error {
		columns := sqliteColumns(record, 6)
		if len(columns) < 6 {
			return errSqlite
		}
		if name := names[integer(columns[2])]; name != "" {
			manual[name] = integer(columns[5]) == historyUser
		}
		return nil
	})
	return manual, err
}

// integer is an SQLite integer that is not negative.
func integer(column []byte) (n uint64) {
	for _, b := range column {
		n = n<<8 | uint64(b)
	}
	return n
}
